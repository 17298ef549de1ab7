"""Sizes and durations as people type them, at a command line and in settings."""

import re
from fractions import Fraction

from rollcast.messages.values import MAX_DURATION, MAX_FILE_SIZE

_SIZE_UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_DURATION_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "ms": 0.001}
_QUANTITY = re.compile(r"(\d{1,19}(?:\.\d{1,9})?)\s*([a-z]*)", re.ASCII | re.IGNORECASE)
SIZES = "500kB, 100MiB or 2GiB"
"""How sizes are written, for messages."""


def size(text: str) -> int:
    """Bytes, exactly; a number without a unit counts bytes. Raises `ValueError` with a sentence for the user."""
    number, unit = _parted(text)
    if number is None or unit not in _SIZE_UNITS:
        raise ValueError(f"{text!r} is not a size; write it like {SIZES}")
    return round(number * _SIZE_UNITS[unit])


def file_size(text: str) -> int:
    """Bytes that a file may have. Raises `ValueError` with a sentence for the user."""
    count = size(text)
    if count > MAX_FILE_SIZE:
        raise ValueError(f"{text} is more than a file may have ({MAX_FILE_SIZE // 1024**4}TiB)")
    return count


def duration(text: str) -> float:
    """Seconds. Raises `ValueError` with a sentence for the user."""
    number, unit = _parted(text)
    if number is None or unit not in _DURATION_UNITS:
        raise ValueError(f"{text!r} is not a duration; write it like 90s, 15m, 24h or 7d")
    seconds = float(number) * _DURATION_UNITS[unit]
    if seconds * 1000 > MAX_DURATION:
        raise ValueError(f"{text} is longer than possible ({MAX_DURATION // 86_400_000}d)")
    return seconds


def lasting(text: str) -> float:
    """Seconds, and not none. Raises `ValueError` with a sentence for the user."""
    seconds = duration(text)
    if not seconds:
        raise ValueError(f"{text!r} is no time at all")
    return seconds


def _parted(text: str) -> tuple[Fraction | None, str]:
    match = _QUANTITY.fullmatch(text.strip())
    return (Fraction(match[1]), match[2].lower()) if match else (None, "")
