"""The watchdog over a real broker: whom it cuts off, and whom it leaves alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aiormq.exceptions import ConnectionClosed

from dev.broker import Broker
from rollcast import topology
from rollcast.broker import Link
from rollcast.topology import MiB
from tests.people import ACME, BOB, STRANGER
from tests.waiting import until_async
from workers.broker.declarer import Declarer
from workers.broker.management import Management
from workers.watchdog import MUCH, REASON, Patience, Watchdog

CHUNKS = MUCH // MiB + 1
BODY = aio_pika.Message(bytes(MiB))
AT_ONCE, IN_AN_HOUR = Patience(0.0, 0.0), Patience(3600.0, 3600.0)
TRANSFER = "c" * 32


class Taker:
    """Somebody with a connection of its own who takes all that a lane has."""

    def __init__(self, connection: AbstractConnection, lane: str) -> None:
        self.lane = lane
        self.taken: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self.farewell: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        connection.close_callbacks.add(lambda _, error: self.farewell.set_result(error))

    async def takes_all(self, admin: AbstractChannel) -> None:
        """Return when it was given more than is usual."""
        for _ in range(CHUNKS):
            await admin.default_exchange.publish(BODY, self.lane)
        await until_async(self._has_all, "all chunks were taken")

    async def _has_all(self) -> bool:
        return self.taken.qsize() == CHUNKS


class Lanes:
    """Makes lanes with somebody who takes."""

    def __init__(self, node: Broker, admin: AbstractChannel, opened: AsyncExitStack) -> None:
        self._node, self._admin, self._opened = node, admin, opened

    async def taken_by(self, address: str) -> Taker:
        """A lane of which all was taken and nothing acknowledged."""
        spec = topology.lane(address, TRANSFER, "")
        await self._admin.declare_queue(spec.name, durable=True, arguments=dict(spec.arguments))
        connection = await self._opened.enter_async_context(await aio_pika.connect(self._node.amqp_url))
        self._opened.push_async_callback(self._admin.queue_delete, spec.name)
        taker = Taker(connection, spec.name)
        queue = await (await connection.channel()).get_queue(spec.name, ensure=False)
        await queue.consume(taker.taken.put)
        await taker.takes_all(self._admin)
        return taker


@pytest.fixture
async def lanes(node: Broker, admin: AbstractChannel) -> AsyncIterator[Lanes]:
    """Lanes that are gone after the test."""
    async with AsyncExitStack() as opened:
        yield Lanes(node, admin, opened)


@pytest.fixture
async def api(node: Broker) -> AsyncIterator[Management]:
    """The management API as an administrator sees it."""
    async with Management(node.management_url, node.vhost) as made:
        yield made


@pytest.fixture
def declarer(link: Link) -> Declarer:
    """Deletes lanes."""
    return Declarer(link)


async def test_its_lane_is_deleted_and_its_connection_closed(
    lanes: Lanes, api: Management, declarer: Declarer
) -> None:
    """The broker tells it why; whoever takes a lane of another server's domain is left alone."""
    silent, foreign = await lanes.taken_by(BOB), await lanes.taken_by(STRANGER)
    watchdog = Watchdog([ACME], api, AT_ONCE)
    await until_async(lambda: _is_closed(silent, watchdog), "it is cut off")
    error = silent.farewell.result()
    assert isinstance(error, ConnectionClosed)
    assert REASON in str(error)
    assert silent.lane not in await declarer.counts([silent.lane, foreign.lane])
    assert not foreign.farewell.done()


async def test_who_may_still_be_waited_for_is_left_alone(
    lanes: Lanes, api: Management, declarer: Declarer
) -> None:
    """What it holds is seen, and its time is not over."""
    silent = await lanes.taken_by(BOB)
    await until_async(lambda: _is_seen(silent, api), "the broker tells what it holds")
    await Watchdog([ACME], api, IN_AN_HOUR).look()
    assert silent.lane in await declarer.counts([silent.lane])
    assert not silent.farewell.done()


async def _is_closed(taker: Taker, watchdog: Watchdog) -> bool:
    await watchdog.look()
    return taker.farewell.done()


async def _is_seen(taker: Taker, api: Management) -> bool:
    row = await api.call("GET", f"queues/{api.vhost}/{taker.lane}")
    return int(row.get("message_bytes_unacknowledged", 0)) > MUCH
