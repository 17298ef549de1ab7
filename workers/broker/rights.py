"""The broker users of terminals and what each may do, through the broker's management API."""

from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import quote, unquote

from rollcast.addresses import domain_of
from rollcast.errors import Transient
from rollcast.passwords import HASHING
from rollcast.topology import BULK, STEP, UP
from workers.broker.management import Management

MAX_CONNECTIONS = 128
"""A process of `rollcast` has up to three."""
MAX_CHANNELS = 128
LIMITS = {"max-connections": MAX_CONNECTIONS, "max-channels": MAX_CHANNELS}
NOTHING = "^$"
AT_A_TIME = 500
"""Rows in a request: a broker that is busy writes some hundred a second."""

Row = Mapping[str, str]


class Rights:
    """Gives and takes the rights of terminals.

    Topic rows come first and permissions last: an exchange without a topic row lets every key pass, so there
    must be no moment at which a user may write to one. All patterns are literals: brokers before 4.2.4 would
    put the user name into them unescaped.
    """

    def __init__(self, management: Management) -> None:
        self._call = management.call
        self._vhost = management.vhost

    async def grant(self, address: str, password_hash: str | None) -> None:
        """A user with the rights of a terminal, and nothing beyond; without a hash it keeps the password it has."""
        user = quote(address, safe="")
        if password_hash is not None:
            await self.set_password(address, password_hash)
        for exchange, write in topics_of(address).items():
            row = {"exchange": exchange, "write": write, "read": NOTHING}
            await self._call("PUT", f"topic-permissions/{self._vhost}/{user}", row)
        await self.limit(address)
        await self._call("PUT", f"permissions/{self._vhost}/{user}", permissions_of(address))
        await self._must_be_bounded(address)

    async def set_password(self, address: str, password_hash: str) -> None:
        """A user with this password, and without a tag; its rights, if it has any, stay."""
        body = {"password_hash": password_hash, "hashing_algorithm": HASHING, "tags": ""}
        await self._call("PUT", f"users/{quote(address, safe='')}", body)

    async def _must_be_bounded(self, address: str) -> None:
        """Take it back if an exchange was deleted meanwhile, and its topic permission with it."""
        path = f"topic-permissions/{self._vhost}/{quote(address, safe='')}"
        rows = await self._call("GET", path, missing_is_fine=True) or []
        if lacking := sorted(topics_of(address).keys() - {row["exchange"] for row in rows}):
            await self.revoke(address, remove=False)
            raise Transient(f"{', '.join(lacking)} was deleted while {address} was given its rights there")

    async def limit(self, address: str) -> None:
        """The limits of a terminal."""
        for limit, value in LIMITS.items():
            await self._call("PUT", f"user-limits/{quote(address, safe='')}/{limit}", {"value": value})

    async def write(self, kind: Literal["permissions", "topic_permissions"], rows: Sequence[Row]) -> None:
        """Write many rows in few requests. `Transient` if a user is not there; some may be written then."""
        named = [{"vhost": unquote(self._vhost), **row} for row in rows]
        for first in range(0, len(named), AT_A_TIME):
            await self._call("POST", "definitions", {kind: named[first : first + AT_A_TIME]})

    async def disconnect(self, user: str) -> None:
        """Close the connections of a user: channels cache what they were allowed once."""
        await self._call("DELETE", f"connections/username/{quote(user, safe='')}", missing_is_fine=True)

    async def revoke(self, address: str, *, remove: bool) -> None:
        """No rights any more; `remove` deletes the user. Its connections are closed: channels cache rights."""
        user = quote(address, safe="")
        await self._call("DELETE", f"permissions/{self._vhost}/{user}", missing_is_fine=True)
        if remove:
            await self._call("DELETE", f"users/{user}", missing_is_fine=True)
        await self.disconnect(address)


def topics_of(address: str) -> dict[str, str]:
    """Under which routing keys a terminal may publish, by exchange."""
    return {
        UP: f"^{domain_of(address)}\\.{address}\\.[a-z-]+$",
        BULK: f"^{address}\\.[0-9a-f]{{32}}$",
        STEP: NOTHING,
    }


def of_operators() -> dict[str, str]:
    """Under which routing keys an operator may publish, by exchange; to S200 with an earlier command line."""
    return {STEP: r"^[a-z0-9-]+\.(operator|s200)$", UP: NOTHING, BULK: NOTHING}


def permissions_of(address: str) -> dict[str, str]:
    """What a terminal may configure, write to and read from."""
    return {
        "configure": NOTHING,
        "write": "^rollcast\\.(up|bulk)$",
        "read": f"^rollcast\\.(inbox|lane)\\.{address}(\\.[0-9a-f]{{32}})?$",
    }
