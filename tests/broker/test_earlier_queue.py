"""The queue that a step had in an earlier version: emptied, kept as long as somebody uses it, then deleted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial

import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from dev.broker import Broker
from rollcast.broker import Consumer, Delivery, Link, Publisher, acknowledge
from rollcast.topology import STEP as EXCHANGE
from rollcast.topology import QueueSpec, earlier_step_queue, step_queue
from tests.broker.conftest import STEP
from tests.waiting import until, until_async
from workers.broker import earlier_queue
from workers.broker.declarer import Counts, Declarer
from workers.broker.earlier_queue import EarlierQueue, Take
from workers.broker.management import Management
from workers.settings import Settings


class Watched(EarlierQueue):
    """Counts how often it was looked at."""

    looks = 0

    async def _look(self, tasks: asyncio.TaskGroup) -> float:
        pause = await super()._look(tasks)
        self.looks += 1
        return pause


class Upgrade:
    """A worker of today beside what an earlier version has left."""

    def __init__(self, settings: Settings, link: Link, api: Management) -> None:
        self.queue: QueueSpec = earlier_step_queue(settings.server, STEP, settings.domains)
        self.today = step_queue(settings.server, STEP, settings.domains).name
        self.key = f"{settings.domains[0]}.{STEP}"
        self.declarer, self.publisher = Declarer(link), Publisher(link)
        self.taken: list[bytes] = []
        self.settled: list[bytes] = []
        self.handled = asyncio.Event()
        """Whether what is taken is acknowledged."""
        self.handled.set()
        self.consumers: list[Consumer] = []
        self._consumer_of = partial(Consumer, link, self.queue.name, prefetch=10)
        self.keeper = Watched(self.queue, self._take, self._consume, self.declarer, api)

    def _consume(self, take: Take) -> Consumer:
        self.consumers.append(self._consumer_of(take))
        return self.consumers[-1]

    async def _take(self, delivery: Delivery) -> None:
        self.taken.append(delivery.body)
        await self.handled.wait()
        await acknowledge(delivery)
        self.settled.append(delivery.body)

    async def say(self, *bodies: bytes) -> None:
        """Messages to the step."""
        for body in bodies:
            assert await self.publisher.publish(EXCHANGE, self.key, body, mandatory=True)

    async def put(self, body: bytes) -> None:
        """A message into the queue itself, bound or not."""
        assert await self.publisher.publish("", self.queue.name, body, mandatory=True)

    async def counts(self) -> Counts | None:
        """What is in the queue; None if it is gone."""
        return (await self.declarer.counts([self.queue.name])).get(self.queue.name)

    async def look(self, times: int = 10) -> Counts | None:
        """What is in it after it was looked at so often."""
        enough = self.keeper.looks + times
        await until(lambda: self.keeper.looks >= enough, "it is looked at")
        return await self.counts()

    async def gone(self) -> bool:
        """Whether the queue is deleted."""
        return await self.counts() is None

    async def hears_nothing(self) -> bool:
        """Whether what is said to the step reaches the queue of today only."""
        before = await self.counts()
        await self.say(b"?")
        return before is not None and await self.counts() == before


@pytest.fixture(params=["with the management API", "without"])
async def upgrade(
    node: Broker, server: Settings, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Upgrade]:
    """The queue as the earlier version declares it, and a worker that looks after it every moment."""
    monkeypatch.setattr(earlier_queue, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(earlier_queue, "LOOK_SELDOM", 0.2)
    monkeypatch.setattr(earlier_queue, "QUIET_S", 0.5)
    link = Link(server.amqp_url, "test")
    url = None if request.param == "without" else node.management_url
    async with Management(url, node.vhost) as api:
        made = Upgrade(server, link, api)
        await made.declarer.queues([made.queue])
        yield made
        await made.declarer.delete_queues([made.queue.name])
    await link.close()


@pytest.fixture
async def running(upgrade: Upgrade) -> AsyncIterator[Callable[[], None]]:
    """Lets it run, until the test ends."""
    tasks: list[asyncio.Task[None]] = []
    yield lambda: tasks.append(asyncio.create_task(upgrade.keeper.run()))
    upgrade.handled.set()
    await upgrade.keeper.stop()
    await upgrade.keeper.close()
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_what_is_in_it_is_handled_and_then_it_is_deleted(
    upgrade: Upgrade, running: Callable[[], None]
) -> None:
    """Each message; those that come meanwhile go to the queue of today."""
    bodies = [b"%d" % number for number in range(25)]
    await upgrade.say(*bodies)
    running()
    await until_async(upgrade.gone, "the queue is deleted")
    assert set(bodies) <= set(upgrade.taken)
    await upgrade.say(b"later")
    assert b"later" not in upgrade.taken


async def test_it_stays_as_long_as_a_message_is_in_hand(
    upgrade: Upgrade, running: Callable[[], None]
) -> None:
    """It is empty then, and would take the message with it."""
    upgrade.handled.clear()
    await upgrade.say(b"x")
    running()
    await until(lambda: b"x" in upgrade.taken, "the message is taken")
    assert await upgrade.look() == Counts(0, 1)
    upgrade.handled.set()
    await until_async(upgrade.gone, "the queue is deleted")


async def test_it_stays_as_long_as_a_worker_of_the_earlier_version_consumes_it(
    upgrade: Upgrade, running: Callable[[], None], admin: AbstractChannel
) -> None:
    """It is bound by that one again and again, and unbound again; what comes in between is in both queues."""
    earlier = await admin.get_queue(upgrade.queue.name, ensure=False)
    tag = await earlier.consume(_handle)
    running()
    for _ in range(3):
        await upgrade.declarer.queues([upgrade.queue])
        await until_async(upgrade.hears_nothing, "it is unbound")
        assert await upgrade.look() == Counts(0, 1)
    await earlier.cancel(tag)
    await until_async(upgrade.gone, "the queue is deleted")


async def _handle(delivery: AbstractIncomingMessage) -> None:
    await delivery.ack()


async def test_it_is_deleted_again_when_somebody_declares_it_again(
    upgrade: Upgrade, running: Callable[[], None]
) -> None:
    """A worker of the earlier version that does not run this pool: nobody else consumes it."""
    running()
    await until_async(upgrade.gone, "the queue is deleted")
    await upgrade.declarer.queues([upgrade.queue])
    await upgrade.put(b"again")
    await until(lambda: b"again" in upgrade.taken, "what is in it is handled")
    await until_async(upgrade.gone, "the queue is deleted again")


async def test_what_is_in_hand_when_it_ends_can_still_be_settled(
    upgrade: Upgrade, running: Callable[[], None]
) -> None:
    """It takes no more, and gives back nothing that is being handled."""
    upgrade.handled.clear()
    await upgrade.say(b"x")
    running()
    await until(lambda: b"x" in upgrade.taken, "the message is taken")
    await upgrade.consumers[0].ready.wait()
    await upgrade.keeper.stop()
    await upgrade.put(b"y")
    # A quorum queue counts a cancelled consumer for as long as it has something in hand.
    assert await upgrade.look() == Counts(1, 1)
    upgrade.handled.set()
    await until(lambda: upgrade.settled == [b"x"], "the message is settled")
    await upgrade.keeper.close()

    async def left() -> bool:
        return await upgrade.counts() == Counts(1, 0)

    await until_async(left, "nobody consumes it, and what came later is in it")
    assert upgrade.taken == [b"x"]
