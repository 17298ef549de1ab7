"""What terminals publish, as the broker takes it: each message with its key and properties."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import aio_pika
from aio_pika.abc import AbstractChannel

from dev.broker import Broker
from rollcast import topology
from rollcast.chunks import CONTENT_TYPE as CHUNK
from rollcast.codec import unpack
from tests.e2e.damage import on_channel

QUEUE = "test.tap"


class Tapped(NamedTuple):
    """A message: where it went, its fields (none for a chunk), its properties."""

    exchange: str
    key: str
    fields: dict[Any, Any]
    properties: aio_pika.abc.AbstractIncomingMessage


class Tap:
    """Gets a copy of what is published to `rollcast.up` and `rollcast.bulk`."""

    def __init__(self, node: Broker) -> None:
        self._node = node

    def taken(self) -> list[Tapped]:
        """All that came since the last look."""

        async def call(channel: AbstractChannel) -> list[Tapped]:
            queue = await channel.get_queue(QUEUE, ensure=False)
            tapped = []
            while (message := await queue.get(no_ack=True, fail=False)) is not None:
                tapped.append(_tapped(message))
            return tapped

        found: list[Tapped] = on_channel(self._node, call)
        return found


@contextmanager
def tap(node: Broker) -> Iterator[Tap]:
    """A tap for the length of the block."""

    async def begin(channel: AbstractChannel) -> None:
        queue = await channel.declare_queue(QUEUE, durable=True, arguments={"x-expires": 600_000})
        for exchange in (topology.UP, topology.BULK):
            await queue.bind(exchange, "#")

    async def end(channel: AbstractChannel) -> None:
        await channel.queue_delete(QUEUE)

    on_channel(node, begin)
    try:
        yield Tap(node)
    finally:
        on_channel(node, end)


def _tapped(message: aio_pika.abc.AbstractIncomingMessage) -> Tapped:
    fields = {} if message.content_type == CHUNK else unpack(message.body)
    return Tapped(message.exchange or "", message.routing_key or "", fields, message)
