"""What the broker does to a consumer that holds a message for too long, and that a consumer of ours comes back.

Up to RabbitMQ 4.2 its channel is closed. From 4.3 on the consumer of a quorum queue is cancelled, and its channel
stays open.
"""

from collections.abc import Iterator

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from dev.broker import Node, private_node
from rollcast.broker import Consumer, Link, acknowledge
from tests.broker.test_consumer import Reader, running, say
from tests.waiting import until_async

pytestmark = pytest.mark.long

IMPATIENT = "[{rabbit, [{consumer_timeout, 2000}, {channel_tick_interval, 1000}]}].\n"
"""Milliseconds in which a message has to be acknowledged, and from one look of a channel at that to the next."""
QUEUE = "test.quorum"


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A broker that waits two seconds for acknowledgements."""
    folder = tmp_path_factory.mktemp("impatient") / "broker"
    folder.mkdir(mode=0o700)
    (folder / "advanced.config").write_text(IMPATIENT)
    with private_node(folder) as made:
        yield made


async def test_what_was_held_for_too_long_comes_again_to_the_only_consumer(impatient: Node) -> None:
    """What the channel held is given back with it, and no consumer stays in the count that takes nothing."""
    link, reader = Link(impatient.amqp_url, "test"), Reader(acknowledges=False)
    async with await aio_pika.connect(impatient.amqp_url) as connection:
        admin = await connection.channel()
        await admin.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        async with running(Consumer(link, QUEUE, reader.take, prefetch=4)):
            await say(admin, QUEUE, b"x")
            assert not (await reader.hear(b"x")).redelivered
            again = await reader.hear(b"x")
            assert again.redelivered
            await acknowledge(again)
            await say(admin, QUEUE, b"y")
            await acknowledge(await reader.hear(b"y"))
            await until_async(lambda: _is_quiet(admin), "one consumer is left, and nothing is held")
    await link.close()


async def _is_quiet(admin: AbstractChannel) -> bool:
    counts = (await admin.declare_queue(QUEUE, passive=True)).declaration_result
    return (counts.message_count, counts.consumer_count) == (0, 1)
