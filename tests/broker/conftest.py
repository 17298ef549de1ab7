"""A queue, a way to the broker that can be cut, and users with few rights."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import quote

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from dev import management
from dev.broker import Broker
from rollcast.broker import Link
from tests.broker.proxy import Proxy, proxied


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
        management.call(node.management_url, "PUT", f"/api/permissions/%2F/{name}", rights)
        return management.as_user(node.amqp_url, name, quote(password, safe=""))

    yield make
    for name in made:
        management.call(node.management_url, "DELETE", f"/api/users/{name}")
