"""How rates, instants and strangers' words look on a terminal."""

import unicodedata

from rollcast.report import instant
from rollcast.sizes import size_text

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of characters that move the cursor, end the line or turn the direction of writing."""


def visible(text: str) -> str:
    """One line, with every character that a terminal would obey written as an escape."""
    return "".join(_visible(character) for character in text)


def duration_text(seconds: float) -> str:
    """Seconds such as `1.2 s`, `60 s` or `24 h`."""
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds > length and seconds % length == 0:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.1f} s".replace(".0 ", " ")


def span_text(seconds: float) -> str:
    """About how long, such as `42 s`, `12 min`, `3 h` or `5 d`."""
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def share_text(part: int, whole: int) -> str:
    """Such as `45%`; never 100% before it is all. Of nothing everything is there."""
    return "100%" if part >= whole else f"{min(99, 100 * part // whole)}%"


def rate_text(rate: int | None) -> str:
    """Bytes a second, such as `4.0 MiB/s`; nothing where it is not known."""
    return "" if rate is None else f"{size_text(rate)}/s"


def time_text(microseconds: int) -> str:
    """An instant (microseconds since 1970) such as `2026-01-01 00:00:00 UTC`."""
    return instant(microseconds)[:19].replace("T", " ") + " UTC"


def plural(number: int, noun: str) -> str:
    """Such as `1 receiver` or `3 receivers`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _UNSAFE:
        return character
    return character.encode("unicode_escape").decode()
