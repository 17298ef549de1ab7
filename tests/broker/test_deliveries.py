"""What a real broker counts of deliveries, and what it makes of headers of the same name that a client wrote."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aio_pika import Message
from aio_pika.abc import AbstractChannel, HeadersType

from dev.broker import Broker
from rollcast import topology
from rollcast.broker import Delivery, Link
from tests.broker.conftest import STEP
from tests.broker.test_heads import Raw
from tests.contract.raw_amqp import Connection
from workers.isolation import earlier_deliveries
from workers.settings import Settings

HEADERS = 13
"""The flag of the headers among the properties."""
COUNTS = ("x-delivery-count", "x-acquired-count")


class Queue:
    """The queue of a step, read one message at a time."""

    def __init__(self, channel: AbstractChannel, name: str) -> None:
        self._channel = channel
        self.name = name

    async def publish(self, headers: HeadersType) -> None:
        """Put a message in, past the exchanges."""
        await self._channel.default_exchange.publish(Message(b"x", headers=headers), self.name)

    async def next(self) -> Delivery:
        """The next message, as soon as there is one."""
        queue = await self._channel.get_queue(self.name, ensure=False)
        async with asyncio.timeout(20), queue.iterator() as deliveries:
            return await anext(deliveries)

    async def counted(self, returns: int) -> list[int]:
        """How often the message has been delivered before, each time it comes until it was given back so often."""
        found: list[int] = []
        for number in range(returns + 1):
            delivery = await self.next()
            found.append(earlier_deliveries(delivery))
            await (delivery.nack(requeue=True) if number < returns else delivery.ack())
        return found


@pytest.fixture
async def queue(server: Settings) -> AsyncIterator[Queue]:
    """The queue of the step of a server, empty."""
    link = Link(server.amqp_url, "test")
    yield Queue(await link.channel(prefetch=1), topology.step_queue(server.server, STEP, ()).name)
    await link.close()


async def test_each_delivery_counts(queue: Queue) -> None:
    """Given back, or lost with its channel, on all versions."""
    await queue.publish({})
    assert await queue.counted(4) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("forged", [0, -5, 2**40, "seven", True, [1], 50])
async def test_what_a_client_wrote_hides_no_delivery(queue: Queue, forged: object) -> None:
    """Nothing before the first return, and never fewer than there were."""
    await queue.publish(dict.fromkeys(COUNTS, forged))  # type: ignore[arg-type]
    found = await queue.counted(4)
    assert found[0] == 0
    assert all(number >= count for count, number in enumerate(found))


async def test_a_count_that_is_there_twice_is_not_believed(queue: Queue, node: Broker) -> None:
    """Either the broker has put that right, or the message comes without its headers, and from nobody."""
    fields = b"".join(bytes([len(name)]) + name.encode() + b"I" + bytes(4) for name in COUNTS * 2)
    properties = Raw(HEADERS, len(fields).to_bytes(4) + fields)

    def publish() -> None:
        with Connection(node.amqp_url) as connection:
            connection.publish("", queue.name, b"x", properties)

    await asyncio.to_thread(publish)
    for count in range(4):
        delivery = await queue.next()
        assert earlier_deliveries(delivery) >= count or (delivery.user_id, delivery.headers) == (None, {})
        await delivery.nack(requeue=True)


async def test_a_step_queue_dead_letters_nothing(
    server: Settings, queue: Queue, admin: AbstractChannel
) -> None:
    """What a terminal lets expire is gone, and told by nobody: it says it again. Nothing of it lies elsewhere."""
    await admin.default_exchange.publish(Message(b"x", expiration=0.05), queue.name)
    await queue.publish({"second": 1})
    while "second" not in (delivery := await queue.next()).headers:
        await delivery.nack(requeue=True)
    await delivery.ack()
    parked = await admin.get_queue(topology.parked(server.server).name)
    assert await parked.get(fail=False) is None
