"""A small disk that can be filled: a tmpfs."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAY_MOUNT = os.geteuid() == 0
SIZE = "192m"
PIECE = 64 * 1024


class Disk:
    """A mounted folder, and the file that fills it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave no room in it."""
        with self._filler.open("ab", buffering=0) as filler:
            try:
                while filler.write(bytes(PIECE)):
                    pass
            except OSError:
                return

    def free(self) -> None:
        """Undo `fill`."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk | None]:
    """A tmpfs at `folder` until the end of the block; None, and a plain folder, where we may not mount."""
    folder.mkdir(parents=True)
    if not MAY_MOUNT:
        yield None
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], check=True)
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
