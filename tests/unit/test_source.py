"""The file that is sent."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest
from blake3 import blake3

from rollcast.chunks import Layout, digest_of
from rollcast.errors import FileUnusable
from rollcast.sending.source import Source

CONTENT = os.urandom(3_000_000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of several blocks."""
    (tmp_path / "a.bin").write_bytes(CONTENT)
    return tmp_path / "a.bin"


async def test_a_file_is_hashed_and_read_in_chunks(file: Path) -> None:
    """Both digests, and how far they are; every chunk where it belongs."""
    read: list[int] = []
    source = await Source.open(file, sha256=True, reading=read.append)
    assert read[-1] == len(CONTENT)
    assert source.hash.blake3 == blake3(CONTENT).hexdigest()
    assert source.hash.sha256 == hashlib.sha256(CONTENT).hexdigest()
    layout = Layout(source.size, 1_000_001)
    chunks = [source.chunk(index, layout) for index in range(layout.count)]
    assert b"".join(body for body, _ in chunks) == CONTENT
    assert [digest for _, digest in chunks] == [digest_of(body) for body, _ in chunks]
    source.close()


async def test_an_empty_file_can_be_sent(tmp_path: Path) -> None:
    """It has a digest and no chunks."""
    (tmp_path / "empty").touch()
    source = await Source.open(tmp_path / "empty", sha256=False)
    assert (source.size, source.hash.blake3, source.hash.sha256) == (0, blake3(b"").hexdigest(), None)
    source.close()


@pytest.mark.parametrize("size", [len(CONTENT) - 1, len(CONTENT) + 1])
async def test_a_file_that_changes_is_noticed(file: Path, size: int) -> None:
    """The chunk is not read."""
    source = await Source.open(file, sha256=False)
    os.truncate(file, size)
    with pytest.raises(FileUnusable) as caught:
        source.chunk(0, Layout(source.size, 65_536))
    assert caught.value.code == "source_changed"
    source.close()


async def test_what_is_no_file_is_said_so(tmp_path: Path) -> None:
    """Missing, a folder, a pipe that nobody writes into."""
    os.mkfifo(tmp_path / "pipe")
    for name, text in [("missing", "does not exist"), (".", "folder"), ("pipe", "not a regular file")]:
        with pytest.raises(FileUnusable, match=text):
            await asyncio.wait_for(Source.open(tmp_path / name, sha256=False), 5)


async def test_a_file_that_went_away_with_its_disk_is_said_so(file: Path) -> None:
    """Not even its size can be read any more."""
    source = await Source.open(file, sha256=False)
    source.close()
    with pytest.raises(FileUnusable, match="cannot be read"):
        source.chunk(0, Layout(source.size, 65_536))
