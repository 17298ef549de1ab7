"""Files that nobody but their owner may read."""

import os
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Write a file below the home, whole or not at all; its folder is made if need be. Raises `OSError`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.unlink(missing_ok=True)
    try:
        draft.touch(mode=0o600)
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
