"""Names of files, at servers and receivers: one comes from a stranger and must never lead out of its folder."""

import itertools
import unicodedata
from collections.abc import Iterator
from pathlib import PurePosixPath

MAX_BYTES = 255


def problem(name: str) -> str | None:
    """What is wrong with a file name, as half a sentence; None if it can be used."""
    if name in {"", ".", ".."}:
        return "is no file name"
    if "/" in name:
        return "leads into another folder"
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        return "holds control characters"
    if len(name.encode()) > MAX_BYTES:
        return f"is longer than {MAX_BYTES} bytes"
    return None


def alternatives(name: str) -> Iterator[str]:
    """`name.ext`, `name (2).ext`, `name (3).ext` and so on, none longer than a folder can hold."""
    yield name
    suffix = PurePosixPath(name).suffix
    if len(suffix.encode()) > MAX_BYTES // 2:
        # It is no ending, and would leave no room for the rest.
        suffix = ""
    stem = name.removesuffix(suffix)
    for number in itertools.count(2):
        end = f" ({number}){suffix}"
        yield _shortened(stem, MAX_BYTES - len(end.encode())) + end


def _shortened(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")
