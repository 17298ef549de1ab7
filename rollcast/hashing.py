"""Digests of whole files, read piece by piece in a thread."""

import asyncio
import hashlib
import os
from collections.abc import Callable

from blake3 import blake3

from rollcast.messages.values import Hashes

Told = Callable[[int], None]
"""Takes how many bytes have been read so far."""

BLOCK = 1024 * 1024
BLOCKS_PER_HOP = 32
"""A cancelled digest ends after so many blocks: a thread cannot be stopped."""


async def digests(file: int, size: int, *, sha256: bool, reading: Told | None = None) -> Hashes:
    """The digests of the first `size` bytes of an open file; `reading` is told how far it is. Raises `OSError`."""
    hashing = _Hashing(file, size, sha256=sha256)
    more = True
    while more:
        more = await asyncio.to_thread(hashing.advance)
        if reading is not None:
            reading(hashing.offset)
    return hashing.result()


class _Hashing:
    def __init__(self, file: int, size: int, *, sha256: bool) -> None:
        self._file = file
        self._size = size
        self.offset = 0
        self._buffer = memoryview(bytearray(BLOCK))
        self._blake3 = blake3()
        self._sha256 = hashlib.sha256() if sha256 else None

    def advance(self) -> bool:
        """Hash the next blocks. Returns whether there is more."""
        return all(self._hash_block() for _ in range(BLOCKS_PER_HOP))

    def result(self) -> Hashes:
        """The digests of what was hashed."""
        sha256 = None if self._sha256 is None else self._sha256.hexdigest()
        return Hashes(blake3=self._blake3.hexdigest(), sha256=sha256)

    def _hash_block(self) -> bool:
        length = min(os.preadv(self._file, [self._buffer], self.offset), self._size - self.offset)
        block = self._buffer[:length]
        self._blake3.update(block)
        if self._sha256 is not None:
            self._sha256.update(block)
        self.offset += length
        return length > 0
