"""The spool's store: every chunk is an object `<transfer>/<index>` in a folder or a bucket."""

import asyncio
import functools
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import obstore
from blake3 import blake3
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore

from rollcast.errors import Permanent, Transient
from rollcast.messages.values import Hashes
from workers.spool.storage import (
    LIST_PAGE,
    check_folder,
    failure,
    is_refusal,
    open_storage,
    remove_folder,
    sync_file,
)

READ_AHEAD = 4
"""Chunks that are read while the one before is being used; bounds the memory of a cast."""
PROBE = b"rollcast"


class Beside(NamedTuple):
    """An object that is no chunk, and when it was written."""

    body: bytes
    written_at: datetime


class Store:
    """Where the spool keeps its chunks; `url` is `file:///folder` or `s3://bucket/prefix`."""

    def __init__(self, url: str) -> None:
        self._url = url

    @functools.cached_property
    def _store(self) -> ObjectStore:
        try:
            return open_storage(self._url)
        except (BaseError, OSError, ValueError) as error:
            raise failure(f"the spool {self._url} cannot be opened", error) from error

    async def check(self) -> None:
        """Open the folder, and see whether it can be written to; in a bucket store something, read, list, delete it.

        `Permanent` if we are not let in, or there is no such bucket; `Transient` if the store is away.
        """
        # A full disk is no reason not to start: who starts may be the one who makes room on it.
        if isinstance(self._store, LocalStore):
            check_folder(Path(str(self._store.prefix)))
            return
        try:
            sound = await self.probe()
        except Transient as error:
            if error.__cause__ is not None and is_refusal(error.__cause__):
                raise Permanent(f"{self._url}: {error}", code=error.code, hint=error.hint) from error
            raise
        if not sound:
            raise Transient(f"the spool {self._url} does not give back what it was given a moment ago")

    async def probe(self) -> bool:
        """Store something, read it, and delete it again. Returns whether it was the same."""
        name = f"probe-{secrets.token_hex(8)}"
        await self.put(name, 0, PROBE)
        found = await self.get(name, 0)
        await self.delete(name)
        return found == PROBE

    async def put(self, transfer_id: str, index: int, chunk: bytes) -> None:
        """Store a chunk, whole or not at all. `Transient` if the store is full or away."""
        await self._put(_path(transfer_id, index), chunk)

    async def get(self, transfer_id: str, index: int) -> bytes | None:
        """A chunk, or None if it is not there."""
        found = await self._get(_path(transfer_id, index))
        return None if found is None else found.body

    async def read_beside(self, name: str) -> Beside | None:
        """An object that stands beside the folders of the transfers, or None if it is not there."""
        return await self._get(_prefix(name))

    async def write_beside(self, name: str, body: bytes) -> None:
        """Store such an object, synced to the disk if the spool is a folder."""
        await self._put(_prefix(name), body)
        if isinstance(self._store, LocalStore):
            try:
                await asyncio.to_thread(sync_file, Path(str(self._store.prefix)) / _prefix(name))
            except OSError as error:
                raise failure("the spool cannot store", error) from error

    async def _put(self, path: str, body: bytes) -> None:
        try:
            await obstore.put_async(self._store, path, body, use_multipart=False)
        except (BaseError, OSError) as error:
            raise failure("the spool cannot store", error) from error

    async def _get(self, path: str) -> Beside | None:
        try:
            found = await obstore.get_async(self._store, path)
            return Beside(bytes(await found.bytes_async()), found.meta["last_modified"])
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise failure("the spool cannot be read", error) from error

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
            raise failure("the spool cannot be seen", error) from error
        return status.f_bavail * status.f_frsize

    async def delete(self, transfer_id: str) -> None:
        """Delete all that there is of a transfer, also what nobody has written down."""
        try:
            if isinstance(self._store, LocalStore):
                await asyncio.to_thread(remove_folder, Path(str(self._store.prefix)) / _prefix(transfer_id))
            else:
                await _empty(self._store, _prefix(transfer_id))
        except (BaseError, OSError) as error:
            raise failure("the spool cannot delete", error) from error


async def _empty(bucket: ObjectStore, prefix: str) -> None:
    async for page in obstore.list(bucket, prefix=prefix, chunk_size=LIST_PAGE):
        await obstore.delete_async(bucket, [found["path"] for found in page])


def _path(transfer_id: str, index: int) -> str:
    return f"{_prefix(transfer_id)}/{index}"


def _prefix(transfer_id: str) -> str:
    """Whatever else a name may be, it must not lead out of the spool, nor be all of it."""
    if not re.fullmatch("[0-9a-z-]+", transfer_id):
        raise Permanent(f"{transfer_id[:80]!r} cannot be the name of anything in the spool")
    return transfer_id
