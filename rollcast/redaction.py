"""Passwords do not belong into what is logged or told, whichever library has put an address into its words."""

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"

# Up to the last `@` of the word: a password that was not escaped may hold one itself.
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/?#@]*):\S*@", re.IGNORECASE)
_QUERY = re.compile(r"([?&]password=)[^\s&]*", re.IGNORECASE)


def without_passwords(text: str) -> str:
    """The text with `***` for each password in an address."""
    return _QUERY.sub(rf"\1{HIDDEN}", _USER.sub(rf"\1:{HIDDEN}@", text))


def cleaned(value: Any) -> Any:
    """A value as it may be logged: texts without passwords, what JSON has no form for as such a text."""
    match value:
        case str():
            return without_passwords(value)
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {str(key): cleaned(part) for key, part in value.items()}
        case list() | tuple() | set() | frozenset():
            return [cleaned(part) for part in value]
    return without_passwords(repr(value))
