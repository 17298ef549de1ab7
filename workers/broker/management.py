"""The broker's management API."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from types import TracebackType
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import aiohttp

from rollcast.errors import Permanent, Transient
from workers.broker.policies import A_LANE, is_lazy
from workers.broker.versions import numbers

TIMEOUT = aiohttp.ClientTimeout(total=20)
NEARLY = 0.9
"""The part of the broker's memory limit from which it takes no new transfers."""


ALARMS = "health/checks/alarms"

Nodes = Sequence[Mapping[str, Any]]
"""What the broker tells of its nodes."""


class Management:
    """Calls the management API at `url` (`http://user:password@host:port`; None: there is none)."""

    def __init__(self, url: str | None, vhost: str) -> None:
        self._url = url
        self.configured = url is not None
        self.vhost = quote(vhost, safe="")
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Management":
        if self._url is not None:
            parts = urlsplit(self._url)
            login = aiohttp.encode_basic_auth(
                unquote(parts.username or "guest"), unquote(parts.password or "guest")
            )
            host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
            self._base = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
            self._http = aiohttp.ClientSession(headers={"Authorization": login}, timeout=TIMEOUT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def lazy_lanes(self) -> bool:
        """Whether lanes page to disk: by themselves from RabbitMQ 4.0, before it by a policy."""
        if numbers(await self.version()) >= (4,):
            return True
        policies = await self.call("GET", f"policies/{self.vhost}")
        return is_lazy(A_LANE, policies)

    async def fullness(self) -> str | None:
        """Why the broker should not be given more to do now, in words; None if nothing speaks against it.

        Without a management API nothing is known.
        """
        if self._http is None:
            return None
        return await self.fullness_of(await self.call("GET", "nodes"))

    async def fullness_of(self, nodes: Nodes) -> str | None:
        """Why these nodes should not be given more to do now, in words; None if nothing speaks against it.

        Of nodes whose figures nobody has collected only the alarms are known.
        """
        found = full(nodes)
        measured = all("mem_used" in node for node in nodes if node.get("running"))
        return found if found is not None or measured else await self._alarm()

    async def _alarm(self) -> str | None:
        async with self._answer("GET", ALARMS, None) as answer:
            if answer.status == HTTPStatus.OK:
                return None
            if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                raise Transient(f"GET {ALARMS}: {answer.status} {await answer.text()}")
            [alarm, *_] = (await answer.json())["alarms"]
            return f"the broker's {alarm['resource']} is full"

    async def collects(self) -> bool:
        """Whether it collects figures of nodes and queues: it may be told to leave that to Prometheus."""
        overview = await self.call("GET", "overview?columns=disable_stats")
        return not overview.get("disable_stats")

    async def version(self) -> str:
        """The broker's version, such as `3.10.8`."""
        overview = await self.call("GET", "overview?columns=rabbitmq_version")
        return str(overview["rabbitmq_version"])

    async def date(self) -> str:
        """The broker's time, as HTTP writes it."""
        async with self._answer("GET", "whoami", None) as answer:
            return answer.headers["Date"]

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        missing_is_fine: bool = False,
    ) -> Any:
        """The answer to a GET, None otherwise. Raises `Transient`, and `Permanent` if no API is configured."""
        async with self._answer(method, path, body) as answer:
            if answer.status == 404 and missing_is_fine:
                return None
            if answer.status >= 400:
                raise Transient(f"{method} {path}: {answer.status} {await answer.text()}")
            return await answer.json() if method == "GET" else None

    async def delete_queue(self, name: str) -> None:
        """Delete a queue with what is in it, if it is there. Raises as `call`."""
        path = f"queues/{self.vhost}/{quote(name, safe='')}"
        await self.call("DELETE", path, missing_is_fine=True)

    async def close_connection(self, name: str, reason: str) -> None:
        """Close a client's connection, if it is there; its library is told the reason. Raises as `call`."""
        path = f"connections/{quote(name, safe='')}"
        async with self._answer("DELETE", path, None, {"X-Reason": reason}) as answer:
            if answer.status >= 400 and answer.status != 404:
                raise Transient(f"DELETE {path}: {answer.status} {await answer.text()}")

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._http is None:
            raise Permanent(
                "ROLLCAST_MANAGEMENT_URL is not set, so accounts cannot be changed, nor the broker be looked at"
            )
        try:
            url = f"{self._base}/api/{path}"
            async with self._http.request(method, url, json=body, headers=headers) as answer:
                yield answer
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Transient(f"the broker's management API cannot be reached: {error}") from error


def full(nodes: Nodes) -> str | None:
    """Why nodes should not be given more to do now, in words; None if nothing speaks against it."""
    return next((why for node in nodes if (why := _fullness(node)) is not None), None)


def _fullness(node: Mapping[str, Any]) -> str | None:
    # What a node does not tell, such as one that is down, speaks against nothing.
    memory, limit = node.get("mem_used", 0), node.get("mem_limit", 0)
    if node.get("mem_alarm") or (limit and memory > NEARLY * limit):
        return "the broker's memory is full"
    if node.get("disk_free_alarm"):
        return "the broker's disk is full"
    return None
