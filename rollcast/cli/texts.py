"""How sizes, instants and strangers' words look on a terminal."""

import unicodedata

from rollcast.report import instant

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of characters that move the cursor, end the line or turn the direction of writing."""
_UNITS = ("KiB", "MiB", "GiB", "TiB")


def visible(text: str) -> str:
    """One line, with every character that a terminal would obey written as an escape."""
    return "".join(_visible(character) for character in text)


def size_text(size: int) -> str:
    """A number of bytes such as `512 B` or `12.3 MiB`."""
    if size < 1024:
        return f"{size} B"
    value, units = size / 1024, iter(_UNITS)
    unit = next(units)
    while value >= 1023.95 and unit != _UNITS[-1]:
        value, unit = value / 1024, next(units)
    return f"{value:.1f} {unit}"


def duration_text(seconds: float) -> str:
    """Seconds such as `1.2 s`, `60 s` or `24 h`."""
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds > length and seconds % length == 0:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.1f} s".replace(".0 ", " ")


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
