"""Numbers of bytes, for people."""

_UNITS = ("KiB", "MiB", "GiB", "TiB")


def size_text(size: int) -> str:
    """A number of bytes such as `512 B` or `12.3 MiB`."""
    if size < 1024:
        return f"{size} B"
    value, units = size / 1024, iter(_UNITS)
    unit = next(units)
    while value >= 1023.95 and unit != _UNITS[-1]:
        value, unit = value / 1024, next(units)
    return f"{value:.1f} {unit}"


def compared(one: int, other: int) -> tuple[str, str]:
    """Two numbers of bytes; exact where they would look the same."""
    told = size_text(one), size_text(other)
    return told if told[0] != told[1] else (f"{one} bytes", f"{other} bytes")
