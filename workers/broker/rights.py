"""The broker users of terminals and what each may do, through the broker's management API."""

from urllib.parse import quote

from rollcast.addresses import domain_of
from rollcast.topology import BULK, STEP, UP
from workers.broker.management import Management

MAX_CONNECTIONS = 128
"""A process of `rollcast` has up to three."""
MAX_CHANNELS = 128
NOTHING = "^$"


class Rights:
    """Gives and takes the rights of terminals.

    Topic rows come first and permissions last: an exchange without a topic row lets every key pass, so there
    must be no moment at which a user may write to one. All patterns are literals: brokers before 4.2.4 would
    put the user name into them unescaped.
    """

    def __init__(self, management: Management) -> None:
        self._call = management.call
        self._vhost = management.vhost

    async def grant(self, address: str, password: str | None) -> None:
        """A user with the rights of a terminal, and nothing beyond; `password` None keeps the one it has."""
        user = quote(address, safe="")
        if password is not None:
            await self._call("PUT", f"users/{user}", {"password": password, "tags": ""})
        for exchange, write in topics_of(address).items():
            row = {"exchange": exchange, "write": write, "read": NOTHING}
            await self._call("PUT", f"topic-permissions/{self._vhost}/{user}", row)
        for limit, value in (("max-connections", MAX_CONNECTIONS), ("max-channels", MAX_CHANNELS)):
            await self._call("PUT", f"user-limits/{user}/{limit}", {"value": value})
        await self._call("PUT", f"permissions/{self._vhost}/{user}", permissions_of(address))

    async def revoke(self, address: str, *, remove: bool) -> None:
        """No rights any more; `remove` deletes the user. Its connections are closed: channels cache rights."""
        user = quote(address, safe="")
        await self._call("DELETE", f"permissions/{self._vhost}/{user}", missing_is_fine=True)
        if remove:
            await self._call("DELETE", f"users/{user}", missing_is_fine=True)
        await self._call("DELETE", f"connections/username/{user}", missing_is_fine=True)


def topics_of(address: str) -> dict[str, str]:
    """Under which routing keys a terminal may publish, by exchange."""
    return {
        UP: f"^{domain_of(address)}\\.{address}\\.[a-z-]+$",
        BULK: f"^{address}\\.[0-9a-f]{{32}}$",
        STEP: NOTHING,
    }


def permissions_of(address: str) -> dict[str, object]:
    """What a terminal may configure, write to and read from."""
    return {
        "configure": NOTHING,
        "write": "^rollcast\\.(up|bulk)$",
        "read": f"^rollcast\\.(inbox|lane)\\.{address}(\\.[0-9a-f]{{32}})?$",
    }
