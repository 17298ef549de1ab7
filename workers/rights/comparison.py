"""What the broker grants, held against what it has to grant. No input or output."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rollcast.addresses import is_address, is_server_user
from rollcast.topology import INNER
from workers.broker.rights import LIMITS, NOTHING, of_operators, permissions_of, topics_of
from workers.rights.granted import Granted, Permission, Topic
from workers.rights.known import Known

ASKS_S200 = r"\.s200$"
"""How the topic permission of an operator ends that was given it for an earlier version."""

Topics = Mapping[tuple[str, str], Topic]


@dataclass(frozen=True)
class Differences:
    """`topics`, `permissions` and `limits` are to be written, the rights of `surplus` to be taken.

    `changed` are those who may do less afterwards, or something else. `missing` have an account and are no users of
    the broker; `unknown` have rights and no account; `strangers`, neither terminals nor operators nor servers, could
    publish to an entry under any key and get a topic permission for none.
    """

    topics: Topics
    permissions: Mapping[str, Permission]
    limits: frozenset[str]
    surplus: frozenset[str]
    changed: frozenset[str]
    missing: frozenset[str]
    unknown: frozenset[str]
    strangers: frozenset[str]

    @property
    def are_none(self) -> bool:
        """Whether nothing has to be written or taken."""
        return not (self.topics or self.permissions or self.limits or self.surplus)


def compare(known: Known, granted: Granted) -> Differences:
    """What differs."""
    active = known.active & granted.users
    lacking = dict(_lacking(known, granted))
    topics = lacking | dict(_differing(active, granted))
    wanted = {address: Permission(**permissions_of(address)) for address in active}
    permissions = {user: row for user, row in wanted.items() if granted.permissions.get(user) != row}
    return Differences(
        topics=topics,
        permissions=permissions,
        limits=frozenset(user for user in active if granted.limits.get(user) != LIMITS),
        surplus=frozenset((known.accounts.keys() - known.active) & granted.permissions.keys()),
        changed=frozenset(
            (permissions.keys() & granted.permissions.keys())
            | {user for user, entry in topics if may_write(granted, user, entry)}
        ),
        missing=frozenset(known.accounts.keys() - granted.users),
        unknown=frozenset(filter(known.serves, granted.permissions)) - known.accounts.keys(),
        strangers=frozenset(
            user for user, _ in lacking if not is_address(user) and user not in known.operators
        ),
    )


def unbounded(granted: Granted, entry: str) -> set[str]:
    """Who may publish to an entry under any key, and may not delete it."""
    return {
        user
        for user in granted.permissions
        if (user, entry) not in granted.topics and may_write(granted, user, entry)
    }


def may_write(granted: Granted, user: str, entry: str) -> bool:
    """Whether topic permissions are to bound what a user publishes to an entry.

    Not that of servers, nor of who may delete the exchange with all topic permissions on it.
    """
    permission = granted.permissions.get(user)
    if permission is None or is_server_user(user):
        return False
    return _matches(permission.write, entry) and not _matches(permission.configure, entry)


def _lacking(known: Known, granted: Granted) -> Iterator[tuple[tuple[str, str], Topic]]:
    """Topic permissions that are not there. That of a terminal follows from its name, whoever serves its domain."""
    for entry in INNER:
        for user in unbounded(granted, entry):
            yield (user, entry), _bound(known, user, entry)
    for user in known.operators & granted.permissions.keys():
        for entry, write in of_operators().items():
            if (user, entry) not in granted.topics:
                yield (user, entry), Topic(write, NOTHING)
            elif (earlier := granted.topics[user, entry]).write.endswith(ASKS_S200):
                yield (user, entry), earlier._replace(write=_also_operator(earlier.write))


def _also_operator(write: str) -> str:
    return write.removesuffix(ASKS_S200) + r"\.(operator|s200)$"


def _differing(addresses: Iterable[str], granted: Granted) -> Iterator[tuple[tuple[str, str], Topic]]:
    for address in addresses:
        for entry, topic in _topics_of(address).items():
            if granted.topics.get((address, entry)) != topic:
                yield (address, entry), topic


def _bound(known: Known, user: str, entry: str) -> Topic:
    if is_address(user):
        return _topics_of(user)[entry]
    return Topic(of_operators()[entry] if user in known.operators else NOTHING, NOTHING)


def _topics_of(address: str) -> dict[str, Topic]:
    return {exchange: Topic(write, NOTHING) for exchange, write in topics_of(address).items()}


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        # The broker's patterns know more than ours.
        return True
