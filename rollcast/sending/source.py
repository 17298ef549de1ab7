"""The file that is sent: hashed once, and watched for changes while it is read."""

import asyncio
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

from rollcast.chunks import Layout, digest_of
from rollcast.errors import FileUnusable
from rollcast.hashing import Told, digests
from rollcast.messages.values import MAX_FILE_SIZE, FileSelector, Hashes
from rollcast.sizes import size_text


class Source:
    """An open file with its digests."""

    def __init__(self, path: Path, file: int) -> None:
        self.path = path
        self._file = file
        self._identity = _identity(path, file)
        self.size, self.mtime_ns, _ = self._identity
        self.hash = Hashes(blake3="")

    @classmethod
    async def open(
        cls, path: Path, *, sha256: bool, follow: bool = True, reading: Told | None = None
    ) -> "Source":
        """Open and hash a file. Raises `FileUnusable` if it is missing, no regular file, or may not be read.

        Without `follow` a symbolic link is no file. `reading` is told how far the hashing is.
        """
        source = cls(path, await asyncio.to_thread(_open, path, 0 if follow else os.O_NOFOLLOW))
        try:
            await source._hash(sha256=sha256, reading=reading)
        except BaseException:
            source.close()
            raise
        return source

    @classmethod
    async def open_again(
        cls, path: Path, file: FileSelector, mtime_ns: int | None, reading: Told | None = None
    ) -> "Source":
        """Open a file that was sent before. Raises `FileUnusable` if its content is not what it was then.

        `mtime_ns` is when it had been changed before it was sent, as far as that is known.
        """
        source = cls(path, await asyncio.to_thread(_open, path))
        try:
            await source._compare(file, mtime_ns, reading)
        except BaseException:
            source.close()
            raise
        return source

    def chunk(self, index: int, layout: Layout) -> tuple[bytes, str]:
        """A chunk and its digest; blocks. Raises `FileUnusable` if the file is not what it was."""
        self._check()
        try:
            body = os.pread(self._file, layout.length(index), layout.offset(index))
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if len(body) != layout.length(index):
            raise FileUnusable(f"{self.path} became shorter while it was sent", code="source_changed")
        return body, digest_of(body)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    async def _hash(self, *, sha256: bool, reading: Told | None) -> None:
        if self.size > MAX_FILE_SIZE:
            raise FileUnusable(f"{self.path} is bigger than {size_text(MAX_FILE_SIZE)}")
        try:
            self.hash = await digests(self._file, self.size, sha256=sha256, reading=reading)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        self._check()

    async def _compare(self, file: FileSelector, mtime_ns: int | None, reading: Told | None) -> None:
        if self.size != file.size:
            raise _changed(self.path, f"it has {self.size} bytes now, and had {file.size}")
        await self._hash(sha256=file.hash.sha256 is not None, reading=reading)
        if self.hash != file.hash:
            raise _changed(self.path, _times(self.mtime_ns, mtime_ns))

    def _check(self) -> None:
        if _identity(self.path, self._file) != self._identity:
            raise FileUnusable(
                f"{self.path} changed while it was read",
                hint="Send it again when nothing writes to it.",
                code="source_changed",
            )


def _open(path: Path, flags: int = 0) -> int:
    try:
        # Without O_NONBLOCK a named pipe would wait for somebody to write into it.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | flags)
    except FileNotFoundError as error:
        raise FileUnusable(f"{path} does not exist") from error
    except PermissionError as error:
        raise FileUnusable(f"{path} may not be read by this user") from error
    except OSError as error:
        raise _unreadable(path, error) from error
    mode = _status(path, file).st_mode
    if stat.S_ISREG(mode):
        return file
    os.close(file)
    if stat.S_ISDIR(mode):
        raise FileUnusable(f"{path} is a folder", hint="Pack it into one file, for example with tar.")
    raise FileUnusable(f"{path} is not a regular file")


def _identity(path: Path, file: int) -> tuple[int, int, int]:
    """Size, time of the last change in ns, inode."""
    status = _status(path, file)
    return status.st_size, status.st_mtime_ns, status.st_ino


def _status(path: Path, file: int) -> os.stat_result:
    try:
        return os.fstat(file)
    except OSError as error:
        # Of a file on another machine, which has gone.
        raise _unreadable(path, error) from error


def _changed(path: Path, how: str) -> FileUnusable:
    return FileUnusable(f"{path} is not what it was when it was sent: {how}", code="source_changed")


def _times(changed: int, before: int | None) -> str:
    told = f"its content is another; it was last changed at {_instant(changed)}"
    return told if before is None else f"{told}, and when it was sent, that had been at {_instant(before)}"


def _instant(ns: int) -> str:
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC).isoformat(sep=" ").replace("+00:00", " UTC")


def _unreadable(path: Path, error: OSError) -> FileUnusable:
    return FileUnusable(f"{path} cannot be read: {error.strerror}")
