"""A store that does not let us in is one that is away, once a worker runs; a folder is emptied whole."""

import asyncio
import itertools
import os
from pathlib import Path

import pytest

from rollcast.errors import Permanent, Transient
from workers.spool.store import Store

FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
T = "a" * 32


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(FORBIDDEN)
    await writer.drain()
    writer.close()


async def test_a_bucket_that_refuses_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its keys have run out: no fault of the chunk, nor of the worker. At a start it is worth a word."""
    async with await asyncio.start_server(_refuse, "127.0.0.1", 0) as bucket:
        port = bucket.sockets[0].getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "who")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "knows")
        store = Store("s3://bucket/spool")
        with pytest.raises(Transient):
            await store.put(T, 0, b"x")
        with pytest.raises(Transient):
            await store.get(T, 0)
        with pytest.raises(Transient):
            await store.delete(T)
        with pytest.raises(Permanent):
            await store.check()


async def test_a_folder_is_emptied_of_what_nobody_wrote_down(tmp_path: Path) -> None:
    """A put that was killed leaves a staging file, which the store does not list. Several may delete at once."""
    store = Store(f"file://{tmp_path}")
    await store.check()
    await store.put(T, 0, b"x")
    (tmp_path / T / "1#1").write_bytes(b"half")
    await asyncio.gather(*(store.delete(T) for _ in range(5)))
    assert os.listdir(tmp_path) == []


async def test_a_folder_is_emptied_of_what_comes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks that are on their way when their transfer ends."""
    store, removing = Store(f"file://{tmp_path}"), Path.rmdir
    late = iter(range(1, 10))

    def rmdir(folder: Path) -> None:
        for index in itertools.islice(late, 1):
            (folder / str(index)).write_bytes(b"late")
        removing(folder)

    monkeypatch.setattr(Path, "rmdir", rmdir)
    await store.put(T, 0, b"x")
    await store.delete(T)
    assert (os.listdir(tmp_path), list(late)) == ([], [])


async def test_a_folder_that_is_never_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever removes it does not try for ever."""
    store, removing = Store(f"file://{tmp_path}"), Path.rmdir

    def rmdir(folder: Path) -> None:
        (folder / "1").write_bytes(b"more")
        removing(folder)

    monkeypatch.setattr(Path, "rmdir", rmdir)
    await store.put(T, 0, b"x")
    with pytest.raises(Transient, match="not empty"):
        await store.delete(T)


async def test_a_folder_that_cannot_be_removed(tmp_path: Path) -> None:
    """Once more, later."""
    store = Store(f"file://{tmp_path}")
    (tmp_path / T).write_bytes(b"not a folder")
    with pytest.raises(Transient):
        await store.delete(T)


async def test_a_folder_that_is_no_folder(tmp_path: Path) -> None:
    """Whoever runs the worker is told."""
    (tmp_path / "spool").write_bytes(b"")
    store = Store(f"file://{tmp_path}/spool/chunks")
    with pytest.raises(Transient, match="spool/chunks cannot be opened"):
        await store.check()


@pytest.mark.parametrize("name", ["", ".", "..", "/tmp", f"./{T}", f"{T}/0", "a\0b", f"{T}\n"])
async def test_nothing_leads_out_of_the_spool(tmp_path: Path, name: str) -> None:
    """Not even if somebody forgets to look at where a name comes from."""
    store = Store(f"file://{tmp_path}/spool")
    await store.put(T, 0, b"x")
    for call in (store.delete(name), store.put(name, 0, b"y"), store.get(name, 0)):
        with pytest.raises(Permanent):
            await call
    assert await store.get(T, 0) == b"x"
