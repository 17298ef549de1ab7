"""A file in chunks: how many it has, how one travels, and which of them are there.

A chunk is a raw body with the headers `transfer`, `index` and `blake3` (of the chunk, lower-case hex).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from blake3 import blake3

from rollcast.addresses import is_transfer_id

CONTENT_TYPE = "application/octet-stream"
_TRANSFER, _INDEX, _BLAKE3 = "transfer", "index", "blake3"

Range = tuple[int, int]
"""Chunk indexes from the first up to, not including, the second."""


class Drop(StrEnum):
    """Why a chunk was not taken."""

    WRONG_USER = "wrong_user"
    WRONG_TRANSFER = "wrong_transfer"
    WRONG_INDEX = "wrong_index"
    WRONG_LENGTH = "wrong_length"
    WRONG_DIGEST = "wrong_digest"


@dataclass(frozen=True, slots=True)
class Label:
    """What the headers of a chunk say about it."""

    transfer_id: str
    index: int
    digest: str

    def headers(self) -> dict[str, str | int]:
        """The headers to publish the chunk with."""
        return {_TRANSFER: self.transfer_id, _INDEX: self.index, _BLAKE3: self.digest}


def is_chunk(headers: Mapping[str, object]) -> bool:
    """Whether a delivery with these headers claims to be a chunk; else it is a message."""
    return _INDEX in headers


def label_of(headers: Mapping[str, object]) -> Label | None:
    """The label of a chunk, or None if its headers are not well-formed: its transfer names files and rows."""
    transfer_id, index, digest = headers.get(_TRANSFER), headers.get(_INDEX), headers.get(_BLAKE3)
    if not (isinstance(transfer_id, str) and is_transfer_id(transfer_id)):
        return None
    if type(index) is int and isinstance(digest, str):
        return Label(transfer_id, index, digest)
    return None


def digest_of(body: bytes) -> str:
    """The digest that a chunk of these bytes is labelled with."""
    return blake3(body).hexdigest()


class IndexSet:
    """Which of `count` chunks are there, at one byte each."""

    def __init__(self, count: int) -> None:
        self._marks = bytearray(count)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __contains__(self, index: int) -> bool:
        return bool(self._marks[index])

    @property
    def full(self) -> bool:
        """Whether no chunk is missing."""
        return self.lacking == 0

    @property
    def lacking(self) -> int:
        """How many chunks are missing."""
        return len(self._marks) - self._size

    def add(self, index: int) -> bool:
        """Take in a chunk; False if it was there."""
        if self._marks[index]:
            return False
        self._marks[index] = 1
        self._size += 1
        return True

    def add_range(self, first: int, stop: int) -> None:
        """Take in the chunks of a range, as far as it lies within the file."""
        for index in range(max(first, 0), min(stop, len(self._marks))):
            self.add(index)

    def gaps(self, most: int) -> Iterator[Range]:
        """The first missing chunks, `most` of them at the most, as ranges in ascending order."""
        first = self._marks.find(0)
        while first >= 0 and most > 0:
            there = self._marks.find(1, first)
            stop = min(first + most, len(self._marks) if there < 0 else there)
            yield first, stop
            most -= stop - first
            first = self._marks.find(0, stop)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file of `size` bytes lies in chunks of `chunk_size` bytes; the last one may be shorter."""

    size: int
    chunk_size: int

    @property
    def count(self) -> int:
        """How many chunks there are; an empty file has none."""
        return -(-self.size // self.chunk_size)

    def offset(self, index: int) -> int:
        """Where a chunk begins in the file."""
        return index * self.chunk_size

    def length(self, index: int) -> int:
        """The bytes of a chunk."""
        return min(self.chunk_size, self.size - self.offset(index))

    def misfit(self, index: int, length: int) -> Drop | None:
        """What is wrong with a chunk of this index and length, None if it fits."""
        if not 0 <= index < self.count:
            return Drop.WRONG_INDEX
        return None if length == self.length(index) else Drop.WRONG_LENGTH

    def bytes_in(self, had: IndexSet) -> int:
        """The bytes of the chunks that are there."""
        last = self.count - 1
        short = self.chunk_size - self.length(last) if last >= 0 and last in had else 0
        return len(had) * self.chunk_size - short
