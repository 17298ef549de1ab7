"""What the workers declare is on the broker as the topology says, and can be declared and deleted twice."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
import tenacity
from aio_pika import Message
from aio_pika.abc import AbstractChannel

from dev import management
from dev.broker import Broker
from rollcast import topology
from rollcast.broker import Link
from rollcast.errors import BrokerUnavailable, Gone
from rollcast.topology import BULK, POOLS, TYPE, QueueSpec
from tests.broker.proxy import Proxy
from workers.broker.declarer import Declarer
from workers.ladder import rung_queues
from workers.settings import Settings

SERVER = f"test-{secrets.token_hex(4)}"
DOMAIN = f"{SERVER}-domain"
ADDRESS = f"bob@{DOMAIN}"
ID = secrets.token_hex(16)
CAST = topology.cast(DOMAIN, ID)
STEP_QUEUES = [topology.step_queue(SERVER, pool, (DOMAIN,)) for pool in POOLS if pool in topology.STEPS]
ROUNDS = 50
QUEUES = [
    *STEP_QUEUES,
    topology.parked(SERVER),
    topology.spool_queue(SERVER),
    topology.progress_queue(SERVER, (DOMAIN,)),
    topology.inbox(ADDRESS),
    topology.session_inbox(ADDRESS, ID),
    topology.lane(ADDRESS, ID, CAST),
]


@pytest.fixture
async def declarer(node: Broker) -> AsyncIterator[Declarer]:
    """A declarer on a broker with the exchanges; what the tests declare is deleted."""
    link = Link(node.amqp_url, "test")
    made = Declarer(link)
    await made.exchanges()
    await made.cast(CAST, None)
    yield made
    await made.delete_queues(spec.name for spec in [*QUEUES, *rung_queues(SERVER)])
    for name in (CAST, *(rung.name for rung in rung_queues(SERVER))):
        await made.delete_exchange(name)
    await link.close()


def _on_broker(node: Broker, name: str) -> QueueSpec:
    path = node.path("queues", name)
    queue = management.call(node.management_url, "GET", path)
    bindings = management.call(node.management_url, "GET", f"{path}/bindings")
    bound = tuple(sorted((row["source"], row["routing_key"]) for row in bindings if row["source"]))
    assert queue["durable"]
    return QueueSpec(name, {**queue["arguments"], TYPE: queue["type"]}, bound)


async def test_every_queue_is_as_the_topology_says(node: Broker, declarer: Declarer) -> None:
    """Its kind, its arguments and its bindings; declaring it again changes nothing."""
    for _ in range(2):
        await declarer.queues(QUEUES)
        for rung in rung_queues(SERVER):
            await declarer.rung(rung)
    for spec in [*QUEUES, *rung_queues(SERVER)]:
        wanted = QueueSpec(spec.name, dict(spec.arguments), tuple(sorted(spec.bindings)))
        assert _on_broker(node, spec.name) == wanted


async def test_what_is_gone_can_be_deleted(declarer: Declarer) -> None:
    """Deleting, unbinding and measuring what is not there is no error."""
    await declarer.delete_queues(["test.never-was"])
    await declarer.delete_exchange("test.never-was")
    await declarer.unbind("test.never-was", topology.BULK, "x")
    assert await declarer.depths(["test.never-was"]) == []


async def test_lanes_are_measured(declarer: Declarer, admin: AbstractChannel) -> None:
    """The depth is how many messages wait for a receiver that has been sent all that it may be."""
    lane = topology.lane(ADDRESS, ID, CAST)
    await declarer.queues([lane])
    cast = await admin.get_exchange(CAST)
    taken: asyncio.Queue[object] = asyncio.Queue()
    await admin.set_qos(prefetch_count=1)
    tag = await (await admin.get_queue(lane.name)).consume(taken.put)
    for _ in range(4):
        await cast.publish(Message(b"x"), "")
    await taken.get()
    assert await declarer.depths([lane.name, "test.never-was"]) == [3]
    await (await admin.get_queue(lane.name)).cancel(tag)
    assert await declarer.depths([lane.name]) == []


async def test_a_cast_hears_only_its_own_upload(declarer: Declarer, admin: AbstractChannel) -> None:
    """Bound to the key of its sender and transfer, once, however often that is done."""
    lane, key = topology.lane(ADDRESS, ID, CAST), topology.transfer_key(f"alice@{DOMAIN}", ID)
    for _ in range(2):
        await declarer.cast(CAST, key)
        await declarer.queues([lane])
    # No client may publish to the inner exchange: it hears an entry, here one of the test's own.
    bulk = await admin.declare_exchange(f"test.{SERVER}.bulk", "topic", auto_delete=True)
    await (await admin.get_exchange(topology.INNER[topology.BULK], ensure=False)).bind(bulk, "#")
    for sent in (key, f"alice@{DOMAIN}.{secrets.token_hex(16)}", f"eve@{DOMAIN}.{ID}"):
        await bulk.publish(Message(sent.encode()), sent, mandatory=False)
    held = await admin.get_queue(lane.name)
    assert (await held.get(no_ack=True)).body == key.encode()
    assert await held.get(no_ack=True, fail=False) is None
    await bulk.delete()


async def test_what_is_missing_costs_no_connection(declarer: Declarer, server: Settings) -> None:
    """However much of it is looked for at once: each look costs a channel, and the connection is others', too."""
    link = Link(server.amqp_url, "test")
    looking = Declarer(link)
    for _ in range(10):
        assert await looking.counts([f"test.never-was.{number}" for number in range(32)]) == {}
        assert all(await asyncio.gather(*(looking.has_exchange(BULK) for _ in range(20))))
    await link.close()


async def test_channels_of_a_lost_connection_are_not_used(link: Link, proxy: Proxy) -> None:
    """Each would fail a message that has nothing to do with it."""
    declarer, held = Declarer(link), await link.channel()
    await declarer.exchanges()
    assert all(await asyncio.gather(*(declarer.has_exchange(BULK) for _ in range(8))))
    proxy.cut()
    await held.closed()
    once_more = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(BrokerUnavailable), stop=tenacity.stop_after_attempt(2)
    )
    assert await once_more(declarer.has_exchange, BULK)


async def test_what_is_deleted_while_it_is_declared_is_no_fault(declarer: Declarer) -> None:
    """Whoever asked for it asks again; the process goes on."""
    nowhere = QueueSpec(f"test.{SERVER}.bound", {}, ((f"test.{SERVER}.nowhere", "key"),))
    with pytest.raises(BrokerUnavailable):
        await declarer.queues([nowhere])
    await declarer.delete_queues([nowhere.name])
    assert not await declarer.has_exchange(f"test.{SERVER}.nowhere")


async def test_binding_what_is_being_deleted_is_no_fault(node: Broker, declarer: Declarer) -> None:
    """The broker does not find it, or from 4.3 on closes the connection over it: whoever asked for it asks again."""
    lane = topology.lane(ADDRESS, ID, CAST)
    other = Link(node.amqp_url, "test")
    ended: list[BaseException | None] = []
    for _ in range(ROUNDS):
        deleting = Declarer(other).delete_queues([lane.name])
        ended += await asyncio.gather(declarer.queues([lane]), deleting, return_exceptions=True)
    await other.close()
    assert {type(error) for error in ended} <= {type(None), Gone, BrokerUnavailable}
    once_more = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(BrokerUnavailable), stop=tenacity.stop_after_attempt(3)
    )
    await once_more(declarer.queues, [lane])
    assert lane.name in await declarer.counts([lane.name])
