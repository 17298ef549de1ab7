"""What the broker grants at present in the server's virtual host, in four requests for any number of users."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from workers.broker.management import Management


class Permission(NamedTuple):
    """Patterns of names of what a user may configure, write to and read from."""

    configure: str
    write: str
    read: str


class Topic(NamedTuple):
    """Patterns of routing keys under which a user may publish to an exchange, and bind to it."""

    write: str
    read: str


@dataclass(frozen=True)
class Granted:
    """By user: permissions, topic permissions (by exchange, too) and limits; the users of the whole broker."""

    users: frozenset[str]
    permissions: Mapping[str, Permission]
    topics: Mapping[tuple[str, str], Topic]
    limits: Mapping[str, Mapping[str, int]]


async def read(management: Management) -> Granted:
    """Ask the broker. Raises `Transient`, and `Permanent` if no management API is configured."""
    vhost = management.vhost
    users, permissions, topics, limits = await asyncio.gather(
        management.call("GET", "users?columns=name"),
        management.call("GET", f"vhosts/{vhost}/permissions?columns=user,configure,write,read"),
        management.call("GET", f"vhosts/{vhost}/topic-permissions?columns=user,exchange,write,read"),
        management.call("GET", "user-limits"),
    )
    return Granted(
        frozenset(row["name"] for row in users),
        {row["user"]: Permission(row["configure"], row["write"], row["read"]) for row in permissions},
        {(row["user"], row["exchange"]): Topic(row["write"], row["read"]) for row in topics},
        {row["user"]: row["value"] for row in limits},
    )
