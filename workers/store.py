"""The spool's store: every chunk is an object `<transfer>/<index>` in a folder or a bucket."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from urllib.parse import urlsplit

import obstore
from blake3 import blake3
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from rollcast.errors import Transient
from rollcast.messages.values import Hashes

READ_AHEAD = 4
"""Chunks that are read while the one before is being used; bounds the memory of a cast."""
DELETE_BATCH = 256


class Store:
    """Where the spool keeps its chunks; `url` is `file:///folder` or `s3://bucket/prefix`."""

    def __init__(self, url: str) -> None:
        self._store = _open(url)

    async def put(self, transfer_id: str, index: int, chunk: bytes) -> None:
        """Store a chunk, whole or not at all. `Transient` if the store is full or away."""
        try:
            await obstore.put_async(self._store, _path(transfer_id, index), chunk, use_multipart=False)
        except (BaseError, OSError) as error:
            raise Transient(f"the spool cannot store: {error}", code="spool_unavailable") from error

    async def get(self, transfer_id: str, index: int) -> bytes | None:
        """A chunk, or None if it is not there."""
        try:
            found = await obstore.get_async(self._store, _path(transfer_id, index))
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise Transient(f"the spool cannot be read: {error}", code="spool_unavailable") from error

    async def read(self, transfer_id: str, indexes: Iterable[int]) -> AsyncIterator[tuple[int, bytes | None]]:
        """The chunks in this order, read ahead by a few."""
        ahead: list[tuple[int, asyncio.Task[bytes | None]]] = []
        try:
            for index in indexes:
                ahead.append((index, asyncio.create_task(self.get(transfer_id, index))))
                if len(ahead) > READ_AHEAD:
                    first, reading = ahead.pop(0)
                    yield first, await reading
            while ahead:
                first, reading = ahead.pop(0)
                yield first, await reading
        finally:
            for _, reading in ahead:
                reading.cancel()

    async def digest(self, transfer_id: str, chunks: int, sha256: bool) -> Hashes | None:
        """The digests of the whole file, or None if a chunk is not there."""
        whole, second = blake3(), hashlib.sha256() if sha256 else None
        async for _, chunk in self.read(transfer_id, range(chunks)):
            if chunk is None:
                return None
            await asyncio.to_thread(whole.update, chunk)
            if second is not None:
                await asyncio.to_thread(second.update, chunk)
        return Hashes(blake3=whole.hexdigest(), sha256=second.hexdigest() if second else None)

    async def free(self) -> int | None:
        """How many bytes can still be stored; None where that cannot be known, as for a bucket."""
        if not isinstance(self._store, LocalStore):
            return None
        try:
            status = await asyncio.to_thread(os.statvfs, str(self._store.prefix))
        except OSError as error:
            raise Transient(f"the spool cannot be seen: {error}", code="spool_unavailable") from error
        return status.f_bavail * status.f_frsize

    async def delete(self, transfer_id: str, chunks: int) -> None:
        """Delete the chunks of a transfer, those that are there."""
        for start in range(0, chunks, DELETE_BATCH):
            indexes = range(start, min(start + DELETE_BATCH, chunks))
            await asyncio.gather(*(self._delete(transfer_id, index) for index in indexes))
        if isinstance(self._store, LocalStore) and self._store.prefix is not None:
            await asyncio.to_thread(_remove_folder, Path(self._store.prefix) / transfer_id)

    async def discard(self, transfer_id: str, index: int) -> None:
        """Delete a chunk of a transfer of which nothing else is kept."""
        await self._delete(transfer_id, index)
        await self.delete(transfer_id, 0)

    async def _delete(self, transfer_id: str, index: int) -> None:
        try:
            await obstore.delete_async(self._store, _path(transfer_id, index))
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise Transient(f"the spool cannot delete: {error}", code="spool_unavailable") from error


def _open(url: str) -> ObjectStore:
    parts = urlsplit(url)
    if parts.scheme == "file":
        return LocalStore(parts.path, mkdir=True, automatic_cleanup=False)
    return from_url(url)


def _path(transfer_id: str, index: int) -> str:
    return f"{transfer_id}/{index}"


def _remove_folder(folder: Path) -> None:
    # A put that was killed leaves staging files that the store does not list.
    for leftover in folder.glob("*"):
        leftover.unlink(missing_ok=True)
    if folder.exists():
        folder.rmdir()
