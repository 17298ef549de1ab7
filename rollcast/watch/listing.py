"""What lies in a folder, and which of it can be sent."""

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from rollcast.filenames import problem

BEGINNINGS = (".", "~")
ENDINGS = ("~", ".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload")
"""How the names of files begin or end that somebody still works on; in lower case."""


class Version(NamedTuple):
    """What tells one content of a file from the next without reading it: its size in bytes, and in ns since 1970 the
    last change of its content and of its inode."""

    size: int
    mtime_ns: int
    ctime_ns: int


class Listing(NamedTuple):
    """The files of a folder by name; and what else is there, each with half a sentence that says why it stays."""

    files: Mapping[str, Version]
    others: Mapping[str, str]


def look(folder: Path) -> Listing:
    """What is in a folder now, unfinished files and all that is below it left out; blocks. Raises `OSError`."""
    files: dict[str, Version] = {}
    others: dict[str, str] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if not is_unfinished(entry.name):
                # What has gone since is not there.
                with suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    _note(entry.name, status, files, others)
    return Listing(files, others)


def is_unfinished(name: str) -> bool:
    """Whether somebody still works on a file of that name, or does not want it to be seen."""
    return name.startswith(BEGINNINGS) or name.lower().endswith(ENDINGS)


def _note(name: str, status: os.stat_result, files: dict[str, Version], others: dict[str, str]) -> None:
    if why := _why_not(name, status.st_mode):
        others[name] = why
    else:
        files[name] = Version(status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _why_not(name: str, mode: int) -> str | None:
    if stat.S_ISDIR(mode):
        return "is a folder"
    if stat.S_ISLNK(mode):
        return "is a symbolic link"
    if not stat.S_ISREG(mode):
        return "is not a regular file"
    wrong = "is not UTF-8" if _is_bytes(name) else problem(name)
    return f"has a name that {wrong}" if wrong else None


def _is_bytes(name: str) -> bool:
    """Whether a name holds what Python puts in the place of bytes that are no text."""
    return any("\udc80" <= character <= "\udcff" for character in name)
