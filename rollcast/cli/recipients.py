"""The recipients of `send` and `watch`: from the command line, from a file, or both; whom a list must have."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rollcast.addresses import is_address
from rollcast.cli.exits import UsageError
from rollcast.errors import FileUnusable, Permanent
from rollcast.policy import parse
from rollcast.reasons import REASONS, Code

STANDARD_INPUT = "-"


def recipients(to: Iterable[str], to_file: str | None) -> Sequence[str]:
    """All addresses in the order in which they were given.

    Raises `UsageError` if there is none or one is not an address, `FileUnusable` if the list cannot be read.
    """
    named = [("--to", address) for address in to]
    listed = [] if to_file is None else list(_listed(to_file))
    for place, address in (*named, *listed):
        if not is_address(address):
            raise UsageError(
                f"{place}: {address[:130]!r} is not an address",
                hint="Write it as name@domain, in lower case.",
                code=Code.INVALID_RECIPIENT,
            )
    if not named and not listed:
        raise UsageError("nobody to send to", hint="Give --to or --to-file.", code=Code.NO_RECIPIENTS)
    return [address for _, address in (*named, *listed)]


def check_list_policy(text: str, among: Iterable[str]) -> None:
    """Raises `UsageError` unless `text` is a list policy that these recipients can satisfy."""
    try:
        parse(text, frozenset(among))
    except Permanent as error:
        hint = REASONS[Code.INVALID_LIST_POLICY].hint
        raise UsageError(f"--list-policy: {error}", hint=hint, code=error.code) from error


def _listed(to_file: str) -> Iterable[tuple[str, str]]:
    """The addresses in a list, each with its place."""
    for number, line in enumerate(_read(to_file).splitlines(), 1):
        address = line.partition("#")[0].strip()
        if address:
            yield f"{to_file}:{number}", address


def _read(to_file: str) -> str:
    try:
        if to_file == STANDARD_INPUT:
            return sys.stdin.buffer.read().decode("utf-8-sig")
        return Path(to_file).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise FileUnusable(f"the list {to_file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileUnusable(f"the list {to_file} is not UTF-8 text") from error
