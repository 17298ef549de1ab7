"""The kinds of values that settings have: as a text, which is what variables and files hold, and in TOML."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from rollcast import quantities
from rollcast.addresses import DOMAIN_PATTERN, is_server_user
from rollcast.broker.urls import ESCAPES, EXAMPLE, SCHEMES, is_url
from rollcast.settings import words


@dataclass(frozen=True)
class Kind:
    """`wanted` says what a value has to be, `toml` what TOML calls it, `parse` makes it of a text.

    `parse` and `of_toml` raise `ValueError`.
    """

    wanted: str
    toml: str
    types: tuple[type, ...]
    parse: Callable[[str], Any]
    empty: object = None
    """What it is when nothing is given and nothing needed."""

    def of_toml(self, value: object) -> Any:
        """The value that TOML has, if it is of the right type."""
        if type(value) not in self.types:
            raise ValueError(value)
        if not isinstance(value, list):
            return self.parse(str(value))
        if not all(isinstance(item, str) for item in value):
            raise ValueError(value)
        return self.parse(",".join(value))


def text(wanted: str, parse: Callable[[str], Any]) -> Kind:
    """A kind of text."""
    return Kind(wanted, "text", (str,), parse)


def whole(most: int, least: int = 0) -> Kind:
    """A whole number from `least` to `most`."""

    def parse(given: str) -> int:
        if not (given.isascii() and given.isdigit() and least <= int(given) <= most):
            raise ValueError(given)
        return int(given)

    bounds = f"from {least} to {most}" if least else f"up to {most}"
    return Kind(f"a whole number {bounds}", "whole number", (int,), parse)


def size(most: int) -> Kind:
    """A number of bytes from 0 to `most`, with or without a unit."""

    def parse(given: str) -> int:
        if (count := quantities.size(given)) > most:
            raise ValueError(given)
        return count

    wanted = f"a size such as {quantities.SIZES}, or a number of bytes, up to {most}"
    return Kind(wanted, "text or whole number", (str, int), parse)


def between(least: float, most: float) -> Kind:
    """A number in these bounds."""

    def parse(given: str) -> float:
        if not least <= (number := float(given)) <= most:
            raise ValueError(given)
        return number

    return Kind(f"a number from {least:g} to {most:g}", "number", (int, float), parse)


def one_of(what: str, words: Collection[str]) -> Kind:
    """One of these words, which are in small letters; in large ones it is the same."""

    def parse(given: str) -> str:
        if (word := given.lower()) not in words:
            raise ValueError(given)
        return word

    *others, last = words
    return text(f"{what}: {', '.join(others)} or {last}", parse)


def _name(given: str) -> str:
    if not re.match(DOMAIN_PATTERN, given):
        raise ValueError(given)
    return given


def _operator(given: str) -> str:
    if "@" in given or is_server_user(given):
        raise ValueError(given)
    return given


def _address(*schemes: str) -> Callable[[str], str]:
    def parse(given: str) -> str:
        if not is_url(given, schemes):
            raise ValueError(given)
        return given

    return parse


def _ledger(given: str) -> str:
    try:
        url = make_url(given)
    except ArgumentError as error:
        raise ValueError(given) from error
    match url.get_backend_name():
        case "postgresql":
            return given
        case "sqlite" if url.database and url.database != ":memory:":
            return given
    raise ValueError(given)


def _spool(given: str) -> str:
    parts = urlsplit(given)
    is_folder = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
    if not is_folder and not (parts.scheme == "s3" and parts.netloc):
        raise ValueError(given)
    return given


NAME = text("a name of small letters, digits and hyphens, 63 at the most", _name)
NAMES = Kind(
    "a list of names of small letters, digits and hyphens, 63 at the most",
    "list of texts",
    (list,),
    lambda given: tuple(_name(word) for word in words(given)),
    empty=(),
)
OPERATORS = Kind(
    "a list of users without an @ that are no servers (server-...)",
    "list of texts",
    (list,),
    lambda given: tuple(_operator(word) for word in words(given)),
    empty=(),
)
BROKER = text(f"an address such as {EXAMPLE}", _address(*SCHEMES))
MANAGEMENT = text(
    f"an address such as http://user:password@host:15672 ({ESCAPES})", _address("http", "https")
)
LEDGER = text(
    f"an address such as sqlite:////folder/rollcast.db or postgresql://user:password@host/database ({ESCAPES})",
    _ledger,
)
SPOOL = text("an address such as file:///folder or s3://bucket/prefix", _spool)
