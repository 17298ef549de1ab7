"""Files that nobody but their owner may read."""

import os
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Write a file below the home, whole or not at all, even after a power cut. Raises `OSError`.

    Its folder is made if need be.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.unlink(missing_ok=True)
    try:
        draft.touch(mode=0o600)
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
