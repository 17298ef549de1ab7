"""Declares, binds, measures and deletes on the broker. A call that fails costs its channel, so each has one."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import structlog
from aio_pika.abc import AbstractChannel, AbstractQueue
from aiormq.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from rollcast.broker import Link
from rollcast.broker.link import CONNECTION_LOST, losses_named
from rollcast.errors import BrokerUnavailable, Gone
from rollcast.topology import BULK, EXCHANGES, INNER, TYPE, ExchangeType, MarkedExchange, QueueSpec

CHANNELS = 8
"""Declaring over several goes four times as fast as over one. No more than ten: of those that the broker closes at
once, as where what is looked for is missing, aiormq 7.2.4 confirms ten, and who opens another one of them again
loses the connection.
"""

log = structlog.get_logger()
Call = Callable[[AbstractChannel], Awaitable[object]]


class Counts(NamedTuple):
    """The messages of a queue that nobody has taken, and its consumers."""

    ready: int
    consumers: int


class OtherType(Exception):
    """The queue is there, and is of another type than it is declared with."""


class Declarer:
    """A pool of channels for declarations."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._idle: list[AbstractChannel] = []
        self._places = asyncio.Semaphore(CHANNELS)
        self._of_other_type: set[str] = set()

    async def connect(self) -> None:
        """Connect to the broker."""
        self._idle.append(await self._link.channel())

    async def exchanges(self) -> None:
        """The exchanges that are always there, but for the entries: those have an order of their own."""
        for name, kind in EXCHANGES.items():
            await self._call(_inner(INNER[name]) if name in INNER else _exchange(name, kind))

    async def queues(self, specs: Iterable[QueueSpec]) -> None:
        """Declare queues and bind them.

        A queue of another type, made where the virtual host's default type was in force, is used as it is.
        """
        await asyncio.gather(*map(self._declare, specs))

    async def rung(self, spec: QueueSpec) -> None:
        """A retry queue with the exchange of the same name."""
        await self._call(_exchange(spec.name, "fanout"))
        await self.queues([spec])

    async def cast(self, name: str, upload_key: str | None) -> None:
        """A cast exchange; with `upload_key` it gets what the sender uploads."""
        await self._call(_exchange(name, "fanout"))
        if upload_key is not None:
            await self._call(lambda channel: _bind_exchange(channel, name, upload_key))

    async def mark(self, spec: MarkedExchange) -> str:
        """Declare a marked exchange, if it is not there; the mark that it has then."""
        try:
            await self._look(_marked(spec))
        except BrokerUnavailable as error:
            if isinstance(error.__cause__, ChannelPreconditionFailed):
                return _mark_in(str(error.__cause__))
            raise
        return spec.mark

    async def bind(self, queue: str, exchange: str, key: str) -> None:
        """Bind a queue that is there."""
        await self._call(lambda channel: _bind(channel, queue, exchange, key))

    async def unbind(self, queue: str, exchange: str, key: str) -> None:
        """Take a binding away, if it is there."""
        with suppress(ChannelNotFoundEntity):
            await self._look(lambda channel: _unbind(channel, queue, exchange, key))

    async def delete_queues(self, names: Iterable[str]) -> None:
        """Delete queues with what is in them."""
        await asyncio.gather(*(self._call(_delete_queue(name)) for name in names))

    async def delete_exchange(self, name: str) -> None:
        """Delete an exchange with its bindings."""
        await self._call(lambda channel: channel.exchange_delete(name))

    async def has_exchange(self, name: str) -> bool:
        """Whether an exchange is there."""
        try:
            await self._look(lambda channel: channel.get_exchange(name, ensure=True))
        except ChannelNotFoundEntity:
            return False
        return True

    async def depths(self, names: Sequence[str]) -> list[int]:
        """How many messages wait in each of these queues, of those that are there and consumed by somebody."""
        return [found.ready for found in (await self.counts(names)).values() if found.consumers]

    async def counts(self, names: Sequence[str]) -> dict[str, Counts]:
        """What is in each of these queues at this moment, of those that are there."""
        found = await asyncio.gather(*map(self._counted, names))
        return {name: counts for name, counts in zip(names, found, strict=True) if counts is not None}

    async def _counted(self, name: str) -> Counts | None:
        found: list[Counts] = []

        async def look(channel: AbstractChannel) -> None:
            result = (await channel.declare_queue(name, passive=True)).declaration_result
            found.append(Counts(result.message_count or 0, result.consumer_count or 0))

        with suppress(ChannelNotFoundEntity):
            await self._look(look)
        return found[0] if found else None

    async def _declare(self, spec: QueueSpec) -> None:
        if spec.name in self._of_other_type:
            with suppress(ChannelNotFoundEntity):
                return await self._look(_existing_queue(spec))
            self._of_other_type.discard(spec.name)
        try:
            await self._call(_queue(spec))
        except OtherType as error:
            log.warning("a queue has another type; it is used as it is", queue=spec.name, error=str(error))
            self._of_other_type.add(spec.name)
            await self._call(_existing_queue(spec))

    async def _call(self, call: Call) -> None:
        try:
            await self._look(call)
        except ChannelNotFoundEntity as error:
            raise Gone(f"what it needs was deleted on the broker: {error}") from error

    async def _look(self, call: Call) -> None:
        """Call for what may not be there. Raises `ChannelNotFoundEntity`, `BrokerUnavailable`."""
        async with self._places:
            channel = await self._channel()
            try:
                with losses_named():
                    await call(channel)
            except ChannelNotFoundEntity:
                raise
            except CONNECTION_LOST as error:
                raise BrokerUnavailable(f"the broker did not declare: {error}") from error
            else:
                self._idle.append(channel)

    async def _channel(self) -> AbstractChannel:
        while self._idle:
            if not (channel := self._idle.pop()).is_closed:
                return channel
        return await self._link.channel()


def _exchange(name: str, kind: ExchangeType) -> Call:
    return lambda channel: channel.declare_exchange(name, kind, durable=True)


def _inner(name: str) -> Call:
    return lambda channel: channel.declare_exchange(name, "topic", durable=True, internal=True)


def _marked(spec: MarkedExchange) -> Call:
    arguments: dict[str, Any] = {"alternate-exchange": spec.mark}
    return lambda channel: channel.declare_exchange(
        spec.name, "fanout", durable=True, internal=True, arguments=arguments
    )


def _mark_in(refusal: str) -> str:
    """The alternate exchange that one has which was declared with another; the broker says it in words only."""
    found = re.search(r"but current is (?:the value )?'([^']*)'", refusal)
    return found[1] if found is not None else refusal


def _queue(spec: QueueSpec) -> Call:
    async def declare(channel: AbstractChannel) -> None:
        try:
            queue = await channel.declare_queue(spec.name, durable=True, arguments=dict(spec.arguments))
        except ChannelPreconditionFailed as error:
            if f"inequivalent arg '{TYPE}'" in str(error):
                raise OtherType(str(error)) from error
            raise
        await _bind_all(queue, spec)

    return declare


def _existing_queue(spec: QueueSpec) -> Call:
    async def bind(channel: AbstractChannel) -> None:
        await _bind_all(await channel.declare_queue(spec.name, passive=True), spec)

    return bind


async def _bind_all(queue: AbstractQueue, spec: QueueSpec) -> None:
    for exchange, key in spec.bindings:
        await queue.bind(exchange, key)


def _delete_queue(name: str) -> Call:
    return lambda channel: channel.queue_delete(name)


async def _bind_exchange(channel: AbstractChannel, name: str, key: str) -> None:
    await (await channel.get_exchange(name, ensure=False)).bind(INNER[BULK], key)


async def _bind(channel: AbstractChannel, queue: str, exchange: str, key: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).bind(exchange, key)


async def _unbind(channel: AbstractChannel, queue: str, exchange: str, key: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).unbind(exchange, key)
