"""A virtual host whose default queue type is quorum: classic queues are classic there, too."""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from urllib.parse import quote, urlsplit, urlunsplit

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from dev import management
from dev.broker import Broker
from rollcast.broker import Link
from rollcast.topology import CLASSIC, TYPE, UP, QueueSpec
from tests.contract.queues import queues
from workers.broker.declarer import Declarer
from workers.broker.management import Management
from workers.doctor import queue_checks
from workers.parked.queue import ParkedQueue
from workers.settings import Settings


@pytest.fixture
def vhost(node: Broker) -> Iterator[str]:
    """Its name."""
    name = f"test-{secrets.token_hex(4)}"
    user = urlsplit(node.amqp_url).username
    # Before 3.11 the second word is the one that counts.
    kind = {"default_queue_type": "quorum", "defaultqueuetype": "quorum"}
    management.call(node.management_url, "PUT", f"/api/vhosts/{name}", kind)
    everything = dict.fromkeys(("configure", "write", "read"), ".*")
    management.call(node.management_url, "PUT", f"/api/permissions/{name}/{user}", everything)
    yield name
    management.delete(node.management_url, f"/api/vhosts/{name}")


@pytest.fixture
async def link(node: Broker, vhost: str) -> AsyncIterator[Link]:
    """A connection to it."""
    made = Link(_url(node, vhost), "test")
    yield made
    await made.close()


@pytest.fixture
async def channel(node: Broker, vhost: str) -> AsyncIterator[AbstractChannel]:
    """A channel to it, to make what other programs make."""
    async with await aio_pika.connect(_url(node, vhost)) as connection:
        yield await connection.channel()


def _url(node: Broker, vhost: str) -> str:
    return urlunsplit(urlsplit(node.amqp_url)._replace(path=f"/{vhost}"))


def _on_broker(node: Broker, vhost: str, what: str) -> object:
    return management.call(node.management_url, "GET", f"/api/queues/{vhost}/{what}")


def _type(node: Broker, vhost: str, name: str) -> str:
    queue = _on_broker(node, vhost, quote(name, safe=""))
    assert isinstance(queue, dict)
    return str(queue["type"])


async def test_each_queue_has_the_type_that_is_meant(node: Broker, vhost: str, link: Link) -> None:
    """Steps have quorum queues, and nobody else; without that the default of the virtual host counts."""
    declarer = Declarer(link)
    unbound = [replace(spec, bindings=()) for spec in queues()]
    await declarer.queues(unbound)
    assert {spec.name: _type(node, vhost, spec.name) for spec in unbound} == {
        spec.name: spec.arguments[TYPE] for spec in unbound
    }


async def test_a_queue_that_is_there_is_used_as_it_is(
    node: Broker, vhost: str, link: Link, channel: AbstractChannel
) -> None:
    """With what is in it, and bound; when it is gone, it is declared as it is meant."""
    declarer = Declarer(link)
    await declarer.exchanges()
    spec = QueueSpec("test.old", {**CLASSIC, "x-max-length": 10}, ((UP, "test"),))
    await channel.declare_queue(spec.name, durable=True, arguments={"x-max-length": 10})
    assert _type(node, vhost, spec.name) == "quorum"
    await channel.default_exchange.publish(aio_pika.Message(b"kept"), spec.name)
    for _ in range(2):
        await declarer.queues([spec])
    await (await channel.get_exchange(UP)).publish(aio_pika.Message(b"heard"), "test")
    old = await channel.get_queue(spec.name)
    assert [(await old.get(no_ack=True)).body for _ in range(2)] == [b"kept", b"heard"]
    await declarer.delete_queues([spec.name])
    await declarer.queues([spec])
    assert _type(node, vhost, spec.name) == "classic"


async def test_a_parked_queue_that_is_there_is_looked_into(
    node: Broker, vhost: str, link: Link, channel: AbstractChannel, server: Settings
) -> None:
    """What is parked is not out of reach for its queue's type."""
    here = replace(server, amqp_url=_url(node, vhost), server="old")
    await channel.declare_queue("rollcast.parked.old", durable=True)
    await channel.default_exchange.publish(aio_pika.Message(b"parked"), "rollcast.parked.old")
    async with ParkedQueue(here).messages(here.domains[0]) as found:
        assert [delivery.body async for delivery, _ in found] == [b"parked"]


async def test_inboxes_of_another_type_are_told(node: Broker, vhost: str, link: Link) -> None:
    """And what to do about them; those of other domains are left to their own."""
    declarer = Declarer(link)
    old, other = "rollcast.inbox.bob@acme", "rollcast.inbox.bob@globex"
    await declarer.queues([QueueSpec(name, {TYPE: "quorum"}) for name in (old, other)])
    async with Management(node.management_url, vhost) as api:
        [finding] = await queue_checks.check_inboxes("acme", api)
        assert not finding.ok
        assert finding.detail == f"not as declared: {old}"
        await declarer.delete_queues([old])
        [finding] = await queue_checks.check_inboxes("acme", api)
    assert (finding.ok, finding.detail) == (True, "0, each as it was declared")
