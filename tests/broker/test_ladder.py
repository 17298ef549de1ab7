"""The ladder on a real broker: what is retried or parked keeps its identity, and is not acknowledged into nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, NamedTuple

import aio_pika
import pytest
from aio_pika import DeliveryMode
from aio_pika.abc import AbstractChannel

from rollcast import topology
from rollcast.broker import Delivery, Link, Publisher
from rollcast.errors import InvalidMessage, Transient
from tests.broker.conftest import STEP
from tests.people import ALICE, BOB, OPERATOR, SERVER_USER
from workers import envelope
from workers.broker.declarer import Declarer
from workers.ladder import RUNGS, SHARE, Ladder
from workers.parked.label import read
from workers.replies import Replies
from workers.settings import Settings

LATER, NEVER = Transient("the database is away"), InvalidMessage("nonsense")
User = Callable[[str, str], str]


class Shop(NamedTuple):
    """A server's ladder, and a channel to look at its queues."""

    ladder: Ladder
    settings: Settings
    channel: AbstractChannel

    async def take(self, queue: str) -> Delivery:
        """The next message of a queue, as soon as there is one."""
        async with asyncio.timeout(20):
            async with (await self.channel.get_queue(queue, ensure=False)).iterator() as deliveries:
                delivery = await anext(aiter(deliveries))
                await delivery.ack()
                return delivery

    @property
    def step_queue(self) -> str:
        """The name of the queue of the step."""
        return topology.step_queue(self.settings.server, STEP, ()).name


@pytest.fixture
async def shop(server: Settings, admin: AbstractChannel) -> AsyncIterator[Shop]:
    """A ladder with the server's user."""
    link = Link(server.amqp_url, "test")
    publisher = Publisher(link)
    yield Shop(Ladder(publisher, Replies(publisher), Declarer(link), server.server), server, admin)
    await link.close()


@pytest.fixture
async def said(shop: Shop, user: User) -> Delivery:
    """What somebody who wants a reply said to the step."""
    return await says(shop, user, reply_to="somewhere", correlation_id="7")


async def says(shop: Shop, user: User, **properties: Any) -> Delivery:
    """What somebody says to the step."""
    url = user(".*", "^$")
    name = url.split("//")[1].split(":")[0]
    async with await aio_pika.connect(url) as connection:
        up = await (await connection.channel()).get_exchange(topology.UP, ensure=False)
        message = aio_pika.Message(b"hello", user_id=name, **properties)
        await up.publish(message, f"{shop.settings.domains[0]}.{name}.answer")
    return await shop.take(shop.step_queue)


async def test_a_message_comes_back_from_its_rung_as_itself(shop: Shop, said: Delivery) -> None:
    """After the time of the first rung, one attempt later, from the same user, for the same reply."""
    origin = envelope.read(said)
    started = asyncio.get_running_loop().time()
    assert await shop.ladder.lift(STEP, said, origin, LATER) == "retried"
    again = await shop.take(shop.step_queue)
    assert asyncio.get_running_loop().time() - started > RUNGS[0][1] / 1000 - 0.5
    found = envelope.read(again)
    assert (found.user, found.exchange, found.key) == (origin.user, origin.exchange, origin.key)
    assert (found.attempt, again.body) == (1, said.body)
    assert (again.reply_to, again.correlation_id) == ("somewhere", "7")


async def test_copies_do_not_expire_as_their_original(shop: Shop, user: User) -> None:
    """Nor have they other headers than ours: on its rung, parked, and replayed."""
    said = await says(shop, user, expiration=3600, headers={"x-delivery-count": 7, "theirs": "x"})
    assert said.expiration is not None
    last = replace(envelope.read(said), attempt=len(RUNGS))
    assert await shop.ladder.lift(STEP, said, envelope.read(said), LATER) == "retried"
    assert await shop.ladder.lift(STEP, said, last, LATER) == "parked"
    rung = topology.retry_queue(shop.settings.server, *RUNGS[0]).name
    kept = topology.parked(shop.settings.server).name
    for copy in (await shop.take(rung), await shop.take(kept)):
        assert copy.expiration is None
        assert all(name.startswith("rollcast-") for name in copy.headers)
        assert copy.delivery_mode == DeliveryMode.PERSISTENT


async def test_after_the_last_rung_a_message_is_parked_as_itself(shop: Shop, said: Delivery) -> None:
    """With all that has to be known to handle it one day."""
    last = replace(envelope.read(said), attempt=len(RUNGS))
    assert await shop.ladder.lift(STEP, said, last, LATER) == "parked"
    found = read(await shop.take(topology.parked(shop.settings.server).name))
    assert (found.body, found.step, found.reason, found.detail) == (b"hello", STEP, "try_again", str(LATER))
    assert found.envelope == last


async def test_no_more_of_a_terminal_is_parked_than_its_share(shop: Shop, said: Delivery) -> None:
    """What is there stays; others have their own shares, and servers and operators none."""
    origin = envelope.read(said)
    alice, bob = replace(origin, user=ALICE), replace(origin, user=BOB)
    outcomes = [await shop.ladder.lift(STEP, said, alice, NEVER) for _ in range(SHARE + 5)]
    assert outcomes == ["parked"] * SHARE + ["discarded"] * 5
    assert await shop.ladder.lift(STEP, said, bob, NEVER) == "parked"
    for trusted in (SERVER_USER, OPERATOR):
        theirs = [
            await shop.ladder.lift(STEP, said, replace(origin, user=trusted), NEVER) for _ in range(SHARE + 5)
        ]
        assert set(theirs) == {"parked"}
    queue = await shop.channel.declare_queue(topology.parked(shop.settings.server).name, passive=True)
    assert queue.declaration_result.message_count == SHARE + 1 + 2 * (SHARE + 5)


@pytest.mark.parametrize("gone", ["queue", "exchange", "both"])
async def test_a_rung_that_was_deleted_is_there_again(shop: Shop, said: Delivery, gone: str) -> None:
    """The copy waits in it, however much of it somebody has deleted."""
    rung = topology.retry_queue(shop.settings.server, *RUNGS[1]).name
    if gone != "exchange":
        await shop.channel.queue_delete(rung)
    if gone != "queue":
        await shop.channel.exchange_delete(rung)
    second = replace(envelope.read(said), attempt=1)
    assert await shop.ladder.lift(STEP, said, second, LATER) == "retried"
    assert (await shop.take(rung)).body == said.body


async def test_a_parked_queue_that_was_deleted_is_there_again(shop: Shop, said: Delivery) -> None:
    """What is parked then is in it."""
    queue = topology.parked(shop.settings.server).name
    await shop.channel.queue_delete(queue)
    assert await shop.ladder.lift(STEP, said, envelope.read(said), NEVER) == "parked"
    assert (await shop.take(queue)).body == said.body
