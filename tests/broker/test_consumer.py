"""A consumer that comes back, loses nothing, and knows when it is not wanted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aio_pika import Message
from aio_pika.abc import AbstractChannel

from rollcast.broker import Consumer, Delivery, Link, acknowledge
from rollcast.errors import BrokerRefused
from tests.broker.proxy import Proxy
from tests.waiting import until

DEADLINE_S = 60.0


class Reader:
    """Puts what is delivered into `heard`; acknowledges it unless told not to."""

    def __init__(self, *, acknowledges: bool = True) -> None:
        self.heard: asyncio.Queue[Delivery] = asyncio.Queue()
        self._acknowledges = acknowledges

    async def take(self, delivery: Delivery) -> None:
        """Take a delivery."""
        self.heard.put_nowait(delivery)
        if self._acknowledges:
            await acknowledge(delivery)

    async def hear(self, body: bytes) -> Delivery:
        """The first delivery of this body; others are passed by."""
        async with asyncio.timeout(DEADLINE_S):
            while (delivery := await self.heard.get()).body != body:
                pass
        return delivery


@asynccontextmanager
async def running(consumer: Consumer) -> AsyncIterator[asyncio.Task[None]]:
    """A consumer at work."""
    task = asyncio.create_task(consumer.run())
    try:
        async with asyncio.timeout(DEADLINE_S):
            await consumer.ready.wait()
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def say(admin: AbstractChannel, queue: str, body: bytes) -> None:
    """Put a message into a queue."""
    await admin.default_exchange.publish(Message(body), queue)


async def test_a_deleted_queue_is_declared_and_consumed_again(
    link: Link, admin: AbstractChannel, queue: str
) -> None:
    """The broker only says that the consumer is cancelled; it comes back by itself."""
    reader = Reader()

    async def declare() -> None:
        await admin.declare_queue(queue, durable=True)

    consumer = Consumer(link, queue, reader.take, prefetch=4, prepare=declare)
    async with running(consumer):
        await admin.queue_delete(queue)
        await until(lambda: consumer.starts == 2, "it consumes again")
        await say(admin, queue, b"after")
        await reader.hear(b"after")


async def test_a_lost_connection_brings_back_what_was_not_acknowledged(
    link: Link, proxy: Proxy, admin: AbstractChannel, queue: str
) -> None:
    """It comes again, marked as redelivered, over a new connection."""
    reader = Reader(acknowledges=False)
    consumer = Consumer(link, queue, reader.take, prefetch=4)
    await say(admin, queue, b"x")
    async with running(consumer):
        assert not (await reader.hear(b"x")).redelivered
        proxy.cut()
        again = await reader.hear(b"x")
        assert again.redelivered
        await acknowledge(again)
    assert (consumer.starts, proxy.connections) == (2, 2)


async def test_an_acknowledgement_after_a_lost_connection_harms_nobody(
    link: Link, proxy: Proxy, admin: AbstractChannel, queue: str
) -> None:
    """Its tag is dead: the delivery comes again, and the new connection stays."""
    reader = Reader(acknowledges=False)
    async with running(Consumer(link, queue, reader.take, prefetch=4)):
        await say(admin, queue, b"x")
        stale = await reader.hear(b"x")
        proxy.cut()
        again = await reader.hear(b"x")
        await acknowledge(stale)
        await acknowledge(again)
        await say(admin, queue, b"y")
        await acknowledge(await reader.hear(b"y"))
    assert proxy.connections == 2


async def test_prefetch_bounds_what_is_being_handled(link: Link, admin: AbstractChannel, queue: str) -> None:
    """The rest stays in the queue."""
    reader = Reader(acknowledges=False)
    for number in range(5):
        await say(admin, queue, b"%d" % number)
    async with running(Consumer(link, queue, reader.take, prefetch=2)):
        held = [await reader.hear(b"0"), await reader.hear(b"1")]
        assert (await admin.declare_queue(queue, passive=True)).declaration_result.message_count == 3
        for delivery in held:
            await acknowledge(delivery)
        await reader.hear(b"3")


async def test_what_was_not_settled_stays_in_the_queue(
    link: Link, admin: AbstractChannel, queue: str
) -> None:
    """A consumer that ends gives back what it did not acknowledge."""
    reader = Reader(acknowledges=False)
    await say(admin, queue, b"x")
    async with running(Consumer(link, queue, reader.take, prefetch=4)):
        await reader.hear(b"x")
    async with running(Consumer(link, queue, reader.take, prefetch=4)):
        assert (await reader.hear(b"x")).redelivered


async def test_a_stopped_consumer_takes_no_more(link: Link, admin: AbstractChannel, queue: str) -> None:
    """What it has can still be settled, what comes stays."""
    reader = Reader(acknowledges=False)
    consumer = Consumer(link, queue, reader.take, prefetch=4)
    await say(admin, queue, b"before")
    async with running(consumer):
        held = await reader.hear(b"before")
        await consumer.stop()
        await say(admin, queue, b"after")
        await held.ack()
        assert reader.heard.empty()
        assert (await admin.declare_queue(queue, passive=True)).declaration_result.message_count == 1


async def test_only_one_may_consume_exclusively(link: Link, queue: str) -> None:
    """The second is told so, and does not wait for ever."""
    first, second = (Consumer(link, queue, Reader().take, prefetch=1, exclusive=True) for _ in range(2))
    async with running(first), asyncio.timeout(DEADLINE_S):
        with pytest.raises(BrokerRefused) as refused:
            await second.run()
    assert refused.value.code == "already_receiving"


async def test_a_queue_that_may_not_be_read(user: Callable[[str, str], str], queue: str) -> None:
    """Refused, whether it is there or not."""
    link = Link(user("^$", "^$"), "test")
    try:
        for name in (queue, f"{queue}.not"):
            with pytest.raises(BrokerRefused):
                await Consumer(link, name, Reader().take, prefetch=1).run()
    finally:
        await link.close()
