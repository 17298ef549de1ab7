"""Can this receiver take this file? What its account allows and what its terminal registered decide."""

from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import Row

from rollcast.messages.values import Capabilities, Limits, Offer
from rollcast.reasons import Code
from rollcast.sizes import compared, size_text
from rollcast.states import Receiver
from workers.ledger import accounts

Verdict = tuple[Receiver, Code | None, str | None]
Fault = tuple[Code, str]
SHOWN = 480
"""Characters of what a terminal said that are repeated in a detail, twice at the most."""


def verdict(offer: Offer, account: Row[Any] | None) -> Verdict:
    """`invited` if it can be asked; else the end that it comes to, with reason and detail."""
    if account is None:
        return Receiver.UNKNOWN, Code.NO_SUCH_ACCOUNT, None
    if account.suspended:
        return Receiver.INCAPABLE, Code.SUSPENDED, None
    fault = _beyond_limits(offer, accounts.limits_of(account)) or _beyond_terminal(
        offer, accounts.capabilities_of(account)
    )
    return (Receiver.INCAPABLE, *fault) if fault else (Receiver.INVITED, None, None)


def _beyond_limits(offer: Offer, limits: Limits) -> Fault | None:
    if offer.file.size > limits.max_file_size:
        size, most = compared(offer.file.size, limits.max_file_size)
        return Code.FILE_TOO_BIG, f"{size}; the account allows {most}"
    if not _type_matches(offer.file.type, limits.accept_types):
        return Code.TYPE_NOT_ACCEPTED, _type_detail(offer, "account allows", limits.accept_types)
    return None


def _beyond_terminal(offer: Offer, can: Capabilities | None) -> Fault | None:
    if can is None:
        return Code.NOT_REGISTERED, "no terminal has registered to receive here yet"
    if offer.file.size > can.max_file_size:
        size, most = compared(offer.file.size, can.max_file_size)
        return Code.FILE_TOO_BIG, f"{size}; the terminal takes {most}"
    if not _type_matches(offer.file.type, can.types):
        return Code.TYPE_NOT_ACCEPTED, _type_detail(offer, "terminal takes", can.types)
    if can.free_space is not None and offer.file.size > can.free_space:
        # How much that is concerns nobody else.
        return Code.NO_SPACE, f"not enough room for {size_text(offer.file.size)}"
    asked = ["blake3", *(["sha256"] if offer.file.hash.sha256 else [])]
    missing = [name for name in asked if name not in can.hashes]
    if missing:
        return Code.HASH_NOT_SUPPORTED, f"the terminal cannot check {_listed(missing)}"
    return None


def _type_matches(media_type: str, patterns: list[str]) -> bool:
    return not patterns or any(fnmatchcase(media_type.lower(), pattern.lower()) for pattern in patterns)


def _type_detail(offer: Offer, who: str, types: list[str]) -> str:
    return f"{offer.file.type[:SHOWN]}; the {who} {_listed(types)}"


def _listed(names: list[str]) -> str:
    return ", ".join(names)[:SHOWN]
