"""Terminals as `rich` sees them, whatever is said of their size."""

import os

from rich.console import Console

LEAST_COLUMNS = 20
"""Help in fewer columns would be unreadable, and in one or two `rich` does not come to an end."""
DIGITS = 5
"""A system's count of columns and rows has two bytes."""


def forget_absurd_size() -> None:
    """Take `COLUMNS` and `LINES` that no terminal has out of the environment: the terminal itself is asked then."""
    for name in ("COLUMNS", "LINES"):
        if not _is_size(os.environ.get(name, "")):
            os.environ.pop(name, None)


def for_help() -> Console:
    """Standard output for help and the version."""
    return Console(width=max(LEAST_COLUMNS, Console().width))


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= DIGITS and int(text) > 0
