"""List policies: when is the new receiver list good enough to deliver to?"""

from collections.abc import Set as AbstractSet
from typing import NamedTuple

from rollcast.addresses import is_address
from rollcast.errors import Permanent
from rollcast.reasons import Code


class Policy(NamedTuple):
    """A parsed list policy: at least so many must be listed, and these among them."""

    at_least: int
    mandatory: frozenset[str]

    def met(self, listed: AbstractSet[str]) -> bool:
        """Whether a list of those who can and will receive satisfies the policy."""
        return len(listed) >= self.at_least and self.mandatory <= listed


def parse(text: str, recipients: AbstractSet[str]) -> Policy:
    """The policy `text` for these recipients.

    `subset`, `all_or_nothing`, `at_least:K` or `mandatory:ADDR,…`; `Permanent` says what is wrong with it.
    """
    kind, _, argument = text.partition(":")
    match kind:
        case "subset" if not argument:
            return Policy(1, frozenset())
        case "all_or_nothing" if not argument:
            return Policy(len(recipients), frozenset())
        case "at_least":
            return Policy(_number(argument, len(recipients)), frozenset())
        case "mandatory":
            return Policy(1, _mandatory(argument, recipients))
    raise _invalid(f"{text[:80]!r} is not a list policy")


def _number(argument: str, recipients: int) -> int:
    if not (argument.isascii() and argument.isdigit() and len(argument) <= 9) or int(argument) < 1:
        raise _invalid(f"at_least:{argument[:80]} needs a number from 1")
    if int(argument) > recipients:
        raise _invalid(
            f"at_least:{argument} can never be met by {recipients} recipient{'s' * (recipients != 1)}"
        )
    return int(argument)


def _mandatory(argument: str, recipients: AbstractSet[str]) -> frozenset[str]:
    addresses = frozenset(argument.split(","))
    for address in sorted(addresses):
        if not is_address(address):
            raise _invalid(f"mandatory: {address[:80]!r} is not an address")
        if address not in recipients:
            raise _invalid(f"mandatory: {address} is not among the recipients")
    return addresses


def _invalid(message: str) -> Permanent:
    return Permanent(message, code=Code.INVALID_LIST_POLICY)
