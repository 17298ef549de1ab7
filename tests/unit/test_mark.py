"""The mark of a spool in a folder."""

import os
from pathlib import Path

import pytest

from rollcast.errors import Transient
from workers.identity import mark
from workers.identity.mark import Mark
from workers.spool.store import Store


async def test_it_stands_beside_the_transfers(tmp_path: Path) -> None:
    """As JSON that people can read; a second one takes its place."""
    store = Store(f"file://{tmp_path}")
    assert await mark.renew(store) is None
    for ledger in ("a", "b"):
        written = Mark("main", ledger * 32, "c" * 32)
        await mark.write(store, written)
        assert await mark.read(store) == written
    assert (tmp_path / mark.NAME).read_text() == (
        f'{{"server":"main","ledger":"{"b" * 32}","spool":"{"c" * 32}"}}\n'
    )
    assert os.listdir(tmp_path) == [mark.NAME]


async def test_a_folder_that_is_full_or_gone(tmp_path: Path) -> None:
    """It is told as a spool that is away."""
    folder = tmp_path / "spool"
    store = Store(f"file://{folder}")
    await store.check()
    folder.rmdir()
    folder.write_text("no folder")
    with pytest.raises(Transient, match="the spool cannot store"):
        await mark.write(store, Mark.new("main", "a" * 32))


async def test_a_mark_of_a_later_version(tmp_path: Path) -> None:
    """What it has beside what this version knows is ignored."""
    (tmp_path / mark.NAME).write_text('{"server": "main", "ledger": "l", "spool": "s", "since": 3}')
    assert await mark.read(Store(f"file://{tmp_path}")) == Mark("main", "l", "s")
