"""A quorum queue that the broker lost in a crash is made again by whoever consumes it."""

import asyncio
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.broker import Node, private_node
from rollcast.broker import Consumer, Delivery, Link, Publisher, acknowledge
from rollcast.topology import step_queue
from tests.people import ACME, SERVER
from workers.broker.declarer import Declarer
from workers.broker.mender import Mender

pytestmark = pytest.mark.long

QUEUE = step_queue(SERVER, "s310", (ACME,))


@pytest.fixture
def own_node(tmp_path: Path) -> Iterator[Node]:
    """A broker of its own, which may crash; it comes up again without the queue's files if it was quick."""
    with private_node(tmp_path) as made:
        yield made


async def made_just_before_a_crash(node: Node) -> None:
    """A queue that was there, is deleted, and made again."""
    link = Link(node.amqp_url, "before the crash")
    declarer = Declarer(link)
    await declarer.exchanges()
    await declarer.queues([QUEUE])
    await declarer.delete_queues([QUEUE.name])
    await declarer.queues([QUEUE])
    await link.close()
    await asyncio.to_thread(node.kill)
    await asyncio.to_thread(node.start)


async def test_a_queue_over_which_the_broker_fails_is_made_again(own_node: Node) -> None:
    """After the crash a message gets through, whether the queue has outlived it or not."""
    await made_just_before_a_crash(own_node)
    links = [Link(own_node.amqp_url, name) for name in ("in", "out")]
    declarer = Declarer(links[1])
    arrived = asyncio.Event()

    async def take(delivery: Delivery) -> None:
        await acknowledge(delivery)
        arrived.set()

    consumer = Consumer(
        links[0],
        QUEUE.name,
        take,
        prefetch=1,
        prepare=functools.partial(declarer.queues, [QUEUE]),
        mend=functools.partial(Mender(own_node.amqp_url, declarer).mend, QUEUE.name),
    )
    consuming = asyncio.create_task(consumer.run())
    async with asyncio.timeout(90):
        await consumer.ready.wait()
        await Publisher(links[1]).publish("", QUEUE.name, b"after the crash", mandatory=True)
        await arrived.wait()
    consuming.cancel()
    await asyncio.wait([consuming])
    for link in links:
        await link.close()


async def test_a_queue_that_is_well_is_left_alone(own_node: Node) -> None:
    """With what is in it, whoever asked for it to be mended."""
    link = Link(own_node.amqp_url, "test")
    declarer = Declarer(link)
    await declarer.exchanges()
    await declarer.queues([QUEUE])
    await Publisher(link).publish("", QUEUE.name, b"still there", mandatory=True)
    await Mender(own_node.amqp_url, declarer).mend(QUEUE.name)
    channel = await link.channel()
    found: asyncio.Queue[Delivery] = asyncio.Queue()
    await (await channel.get_queue(QUEUE.name, ensure=False)).consume(found.put)
    async with asyncio.timeout(10):
        message = await found.get()
    assert message.body == b"still there"
    await message.ack()
    await link.close()
