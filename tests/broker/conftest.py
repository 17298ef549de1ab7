"""A queue, a way to the broker that can be cut, users with few rights, and a server without its workers."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from dev import definitions, management
from dev.broker import Broker
from rollcast import topology
from rollcast.broker import Link
from tests.broker.proxy import Proxy, proxied
from tests.broker.worksite import Worksite
from tests.people import ACME, GLOBEX, OPERATOR
from workers.broker import entries
from workers.broker.declarer import Declarer
from workers.ladder import rung_queues
from workers.settings import Settings

STEP = "s260"
"""The one step of the server of these tests."""


@pytest.fixture
async def proxy(node: Broker) -> AsyncIterator[Proxy]:
    """A way to the broker that can be cut."""
    async with proxied(node.amqp_url) as made:
        yield made


@pytest.fixture
async def link(proxy: Proxy) -> AsyncIterator[Link]:
    """A connection that can be cut."""
    made = Link(proxy.url, "test")
    yield made
    await made.close()


@pytest.fixture
async def admin(node: Broker) -> AsyncIterator[AbstractChannel]:
    """A channel past the proxy, to make things and to look at them."""
    async with await aio_pika.connect(node.amqp_url) as connection:
        yield await connection.channel()


@pytest.fixture
async def queue(admin: AbstractChannel) -> AsyncIterator[str]:
    """The name of an empty queue."""
    name = f"test.{secrets.token_hex(8)}"
    await admin.declare_queue(name, durable=True)
    yield name
    await admin.queue_delete(name)


@pytest.fixture
def user(node: Broker) -> Iterator[Callable[[str, str], str]]:
    """Makes a user who may write and read what these patterns match, and returns its address of the broker."""
    made: list[str] = []

    def make(write: str, read: str) -> str:
        name, password = f"test-{secrets.token_hex(4)}", secrets.token_urlsafe(16)
        made.append(name)
        management.call(node.management_url, "PUT", f"/api/users/{name}", {"password": password, "tags": ""})
        rights = {"configure": "^$", "write": write, "read": read}
        management.call(node.management_url, "PUT", node.path("permissions", name), rights)
        return management.as_user(node.amqp_url, name, quote(password, safe=""))

    yield make
    for name in made:
        management.call(node.management_url, "DELETE", f"/api/users/{name}")


@pytest.fixture
async def server(node: Broker) -> AsyncIterator[Settings]:
    """A server of two domains with a broker user, the queue of one step, the parked queue and the ladder."""
    name = f"test-{secrets.token_hex(4)}"
    users = definitions.build([name], node.version, node.vhost, OPERATOR)
    definitions.apply(node.management_url, users)
    user = definitions.server_user(name)
    url = management.as_user(node.amqp_url, user, definitions.password(users, user))
    settings = Settings(
        server=name,
        domains=(f"{name}-{ACME}", f"{name}-{GLOBEX}"),
        peers=(),
        amqp_url=url,
        management_url=None,
        operators=(OPERATOR,),
        ledger_url="",
        spool_url="",
        account_rate=200,
        account_burst=2000,
        spool_quota=0,
        metrics_port=0,
        log_level="info",
        retention_days=1,
    )
    link = Link(url, "test")
    declarer = Declarer(link)
    queues = [topology.step_queue(name, STEP, settings.domains), topology.parked(name)]
    await declarer.exchanges()
    async with entries.locked(url, "test") as held:
        await held.declare()
        for entry in topology.INNER:
            await held.open(entry)
    await declarer.queues(queues)
    for rung in rung_queues(name):
        await declarer.rung(rung)
    yield settings
    await declarer.delete_queues(queue.name for queue in [*queues, *rung_queues(name)])
    for rung in rung_queues(name):
        await declarer.delete_exchange(rung.name)
    await link.close()
    management.call(node.management_url, "DELETE", f"/api/users/{user}")


@pytest.fixture
async def site(tmp_path: Path, server: Settings) -> AsyncIterator[Worksite]:
    """Ledgers and spools for that server, whose workers have never run."""
    made = Worksite(tmp_path, server)
    yield made
    await made.close(f"{server.server}-other")


@pytest.fixture
def consumed(server: Settings) -> str:
    """The name of a queue that workers of that server consume."""
    return topology.step_queue(server.server, STEP, server.domains).name
