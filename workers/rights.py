"""The broker users of terminals and what each may do, through the broker's management API."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import aiohttp

from rollcast.addresses import domain_of
from rollcast.errors import Permanent, Transient
from rollcast.topology import BULK, STEP, UP

MAX_CONNECTIONS = 16
MAX_CHANNELS = 128
NOTHING = "^$"


class Rights:
    """Gives and takes the rights of terminals.

    Topic rows come first and permissions last: an exchange without a topic row lets every key pass, so there
    must be no moment at which a user may write to one. All patterns are literals: brokers before 4.2.4 would
    put the user name into them unescaped.
    """

    def __init__(self, management_url: str | None, vhost: str) -> None:
        self._url = management_url
        self._vhost = quote(vhost, safe="")
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Rights":
        if self._url is not None:
            parts = urlsplit(self._url)
            login = aiohttp.BasicAuth(unquote(parts.username or "guest"), unquote(parts.password or "guest"))
            host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
            self._base = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
            self._http = aiohttp.ClientSession(auth=login, timeout=aiohttp.ClientTimeout(total=20))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def grant(self, address: str, password: str | None) -> None:
        """A user with the rights of a terminal, and nothing beyond; `password` None keeps the one it has."""
        user = quote(address, safe="")
        if password is not None:
            await self._call("PUT", f"users/{user}", {"password": password, "tags": ""})
        for exchange, write in _topics(address).items():
            row = {"exchange": exchange, "write": write, "read": NOTHING}
            await self._call("PUT", f"topic-permissions/{self._vhost}/{user}", row)
        for limit, value in (("max-connections", MAX_CONNECTIONS), ("max-channels", MAX_CHANNELS)):
            await self._call("PUT", f"user-limits/{user}/{limit}", {"value": value})
        await self._call("PUT", f"permissions/{self._vhost}/{user}", _permissions(address))

    async def revoke(self, address: str, *, remove: bool) -> None:
        """No rights any more; `remove` deletes the user. Its connections are closed: channels cache rights."""
        user = quote(address, safe="")
        await self._call("DELETE", f"permissions/{self._vhost}/{user}", missing_is_fine=True)
        if remove:
            await self._call("DELETE", f"users/{user}", missing_is_fine=True)
        await self._call("DELETE", f"connections/username/{user}", missing_is_fine=True)

    async def lazy_lanes(self) -> bool:
        """Whether lanes page to disk: by themselves from RabbitMQ 4.0, before it by a policy."""
        overview = await self._call("GET", "overview")
        if int(str(overview["rabbitmq_version"]).partition(".")[0]) >= 4:
            return True
        policies = await self._call("GET", f"policies/{self._vhost}")
        return any(policy["definition"].get("queue-mode") == "lazy" for policy in policies)

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        missing_is_fine: bool = False,
    ) -> Any:
        if self._http is None:
            raise Permanent("ROLLCAST_MANAGEMENT_URL is not set, so no account can be changed")
        try:
            async with self._http.request(method, f"{self._base}/api/{path}", json=body) as response:
                if response.status == 404 and missing_is_fine:
                    return None
                if response.status >= 400:
                    raise Transient(f"{method} {path}: {response.status} {await response.text()}")
                return await response.json() if method == "GET" else None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Transient(f"the broker's management API cannot be reached: {error}") from error


def _topics(address: str) -> dict[str, str]:
    return {
        UP: f"^{domain_of(address)}\\.{address}\\.[a-z-]+$",
        BULK: f"^{address}\\.[0-9a-f]{{32}}$",
        STEP: NOTHING,
    }


def _permissions(address: str) -> dict[str, object]:
    return {
        "configure": NOTHING,
        "write": "^rollcast\\.(up|bulk)$",
        "read": f"^rollcast\\.(inbox|lane)\\.{address}(\\.[0-9a-f]{{32}})?$",
    }
