"""A store that does not let us in is one that is away: what it should take comes again later."""

import asyncio

import pytest

from rollcast.errors import Transient
from workers.store import Store

FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(FORBIDDEN)
    await writer.drain()
    writer.close()


async def test_a_bucket_that_refuses_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its keys have run out: no fault of the chunk, nor of the worker."""
    async with await asyncio.start_server(_refuse, "127.0.0.1", 0) as bucket:
        port = bucket.sockets[0].getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "who")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "knows")
        store = Store("s3://bucket/spool")
        with pytest.raises(Transient):
            await store.put("a" * 32, 0, b"x")
        with pytest.raises(Transient):
            await store.get("a" * 32, 0)
