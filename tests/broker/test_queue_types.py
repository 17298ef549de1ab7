"""A virtual host whose default queue type is quorum: classic queues are classic there, too."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from dev import management
from dev.broker import Broker
from rollcast.broker import Link
from rollcast.topology import CLASSIC, LANE, TYPE, QueueSpec
from tests.contract.queues import queues
from tests.people import own
from tests.sharing import own_virtual_host
from workers.broker.declarer import Declarer
from workers.broker.management import Management
from workers.doctor import queue_checks
from workers.parked.queue import ParkedQueue
from workers.settings import Settings


@pytest.fixture
def quorum(node: Broker) -> Iterator[Broker]:
    """Such a virtual host."""
    with own_virtual_host(node, own("quorum"), "quorum") as made:
        yield made


@pytest.fixture
async def link(quorum: Broker) -> AsyncIterator[Link]:
    """A connection to it."""
    made = Link(quorum.amqp_url, "test")
    yield made
    await made.close()


@pytest.fixture
async def channel(quorum: Broker) -> AsyncIterator[AbstractChannel]:
    """A channel to it, to make what other programs make."""
    async with await aio_pika.connect(quorum.amqp_url) as connection:
        yield await connection.channel()


def _type(broker: Broker, name: str) -> str:
    queue = management.call(broker.management_url, "GET", broker.path("queues", name))
    return str(queue["type"])


async def test_each_queue_has_the_type_that_is_meant(quorum: Broker, link: Link) -> None:
    """Steps have quorum queues, and nobody else; without that the default of the virtual host counts."""
    declarer = Declarer(link)
    unbound = [replace(spec, bindings=()) for spec in queues()]
    await declarer.queues(unbound)
    assert {spec.name: _type(quorum, spec.name) for spec in unbound} == {
        spec.name: spec.arguments[TYPE] for spec in unbound
    }


async def test_a_queue_that_is_there_is_used_as_it_is(
    quorum: Broker, link: Link, channel: AbstractChannel
) -> None:
    """With what is in it, and bound; when it is gone, it is declared as it is meant."""
    declarer = Declarer(link)
    await declarer.exchanges()
    spec = QueueSpec("test.old", {**CLASSIC, "x-max-length": 10}, ((LANE, "test"),))
    await channel.declare_queue(spec.name, durable=True, arguments={"x-max-length": 10})
    assert _type(quorum, spec.name) == "quorum"
    await channel.default_exchange.publish(aio_pika.Message(b"kept"), spec.name)
    for _ in range(2):
        await declarer.queues([spec])
    await (await channel.get_exchange(LANE)).publish(aio_pika.Message(b"heard"), "test")
    old = await channel.get_queue(spec.name)
    assert [(await old.get(no_ack=True)).body for _ in range(2)] == [b"kept", b"heard"]
    await declarer.delete_queues([spec.name])
    await declarer.queues([spec])
    assert _type(quorum, spec.name) == "classic"


async def test_a_parked_queue_that_is_there_is_looked_into(
    quorum: Broker, link: Link, channel: AbstractChannel, server: Settings
) -> None:
    """What is parked is not out of reach for its queue's type."""
    here = replace(server, amqp_url=quorum.amqp_url, server="old")
    await channel.declare_queue("rollcast.parked.old", durable=True)
    await channel.default_exchange.publish(aio_pika.Message(b"parked"), "rollcast.parked.old")
    async with ParkedQueue(here).messages(here.domains[0]) as found:
        assert [delivery.body async for delivery, _ in found] == [b"parked"]


async def test_inboxes_of_another_type_are_told(quorum: Broker, link: Link) -> None:
    """And what to do about them; those of other domains are left to their own."""
    declarer = Declarer(link)
    old, other = "rollcast.inbox.bob@acme", "rollcast.inbox.bob@globex"
    await declarer.queues([QueueSpec(name, {TYPE: "quorum"}) for name in (old, other)])
    async with Management(quorum.management_url, quorum.vhost) as api:
        [finding] = await queue_checks.check_inboxes("acme", api)
        assert not finding.ok
        assert finding.detail == f"not as declared: {old}"
        await declarer.delete_queues([old])
        [finding] = await queue_checks.check_inboxes("acme", api)
    assert (finding.ok, finding.detail) == (True, "0, each as it was declared")
