"""A file on its way in: written in place, checked as a whole, then given its name. All methods block."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path


class PartFile:
    """The file at `path` before it has its name. Every method may raise `OSError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = -1

    def open(self) -> None:
        """Open it, empty if it is not there."""
        self.file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)

    def write(self, offset: int, body: bytes) -> None:
        """Write all of `body` at `offset`."""
        written = os.pwrite(self.file, body, offset)
        while written < len(body):
            written += os.pwrite(self.file, memoryview(body)[written:], offset + written)

    def sync(self) -> None:
        """Let its bytes survive a power cut."""
        os.fsync(self.file)

    def close(self) -> None:
        """Close it; it can be opened again."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1

    def discard(self) -> None:
        """Remove it."""
        self.close()
        self.path.unlink(missing_ok=True)

    def take_name(self, folder: Path, names: Iterable[str], announce: Callable[[str], None]) -> str:
        """Move it to the first name that is free in `folder`, announced before it is tried. Returns that name.

        After an error it has none.
        """
        for name in names:
            announce(name)
            try:
                os.link(self.path, folder / name)
            except FileExistsError:
                continue
            break
        try:
            self.path.unlink()
            _sync_folder(folder)
        except OSError:
            # What is told to have failed must not be there.
            (folder / name).unlink(missing_ok=True)
            raise
        return name

    def has_taken(self, target: Path) -> bool:
        """Whether it was given the name `target` before; then no name but that one is left."""
        if not target.exists() or target.is_symlink():
            return False
        if self.path.exists():
            if not target.samefile(self.path):
                return False
            self.path.unlink()
        _sync_folder(target.parent)
        return True


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
