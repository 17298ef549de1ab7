"""A file system of its own, which is full soon. Only root can make one."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from rollcast.topology import MiB


@contextmanager
def mounted(folder: Path, room: int) -> Iterator[Path]:
    """A folder with so many bytes of room; the test is skipped where nobody may make one."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system")
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={room}", "none", str(folder)], check=False)
    if done.returncode:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("root may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path, most: int) -> Path:
    """Write so many bytes, or what there is room for; returns what has to go."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.tell() < most:
            file.write(bytes(MiB))
    return ballast
