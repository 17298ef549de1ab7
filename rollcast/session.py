"""What a terminal holds open at the broker, and what it says to its server."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from rollcast import topology
from rollcast.broker import Link, Presence
from rollcast.credentials import Credentials
from rollcast.messages import Message, Register, Registered
from rollcast.requests import Requester

M = TypeVar("M", bound=Message)

REGISTER_WITHIN = 30.0
"""Seconds that a server may take to answer a registration."""


class Session:
    """A terminal at the broker. The links are connected when they are first used."""

    def __init__(self, credentials: Credentials) -> None:
        self.address = credentials.address
        self.domain = credentials.domain
        name = f"rollcast {credentials.address}"
        presence = Presence()
        self._control = Link(credentials.amqp_url, f"{name} control", presence)
        self.inbound = Link(credentials.amqp_url, f"{name} inbound", presence)
        self.bulk = Link(credentials.amqp_url, f"{name} bulk", presence)
        self._requester = Requester(self._control)
        self._clock_offset = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, credentials: Credentials) -> AsyncIterator["Session"]:
        """Connect. Raises `BrokerRefused` or `BrokerUnavailable`."""
        session = cls(credentials)
        try:
            await session._requester.open()
            yield session
        finally:
            links = (session.inbound, session.bulk, session._control)
            await asyncio.gather(*(link.close() for link in links))

    @property
    def place(self) -> str:
        """Host and port of the broker."""
        return self._control.place

    async def register(self, message: Register) -> Registered:
        """Register at the server of the home domain, and set the clock by it."""
        registered = await self.request(message, Registered, REGISTER_WITHIN)
        self._clock_offset = registered.server_time - _now()
        return registered

    async def request(self, message: Message, expect: type[M], within: float) -> M:
        """Say something that is answered, however long the broker blocks the connection meanwhile.

        Raises `RequestRefused`, `BrokerUnavailable` after `within` seconds.
        """
        key = self._key(message)
        return await self._requester.request(topology.UP, key, message, expect, within, hold=True)

    async def ask(self, message: Message, expect: type[M], within: float) -> M:
        """Ask something for somebody who waits: as `request`, but not for longer than that in any case."""
        return await self._requester.request(topology.UP, self._key(message), message, expect, within)

    async def blocked(self) -> bool:
        """Whether the broker takes nothing from us at present, being short of memory or disk."""
        return await self._control.blocked() or await self.bulk.blocked()

    async def tell(self, message: Message, *, persistent: bool = True) -> None:
        """Say something; returns when the broker has it, however long that takes."""
        await self._requester.tell(topology.UP, self._key(message), message, persistent=persistent)

    def now(self) -> int:
        """The server's time in microseconds since 1970."""
        return _now() + self._clock_offset

    def seconds_until(self, instant: int) -> float:
        """How far away an instant of the server is; 0 if it has passed."""
        return max(0.0, (instant - self.now()) / 1_000_000)

    def _key(self, message: Message) -> str:
        return topology.up_key(self.address, self.domain, message)


def _now() -> int:
    return time.time_ns() // 1000
