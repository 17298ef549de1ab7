"""Getting in, being let out, and coming back."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import tenacity
from aio_pika import Message
from aio_pika.abc import AbstractChannel

from dev import management
from dev.broker import Broker
from rollcast.broker import Link
from rollcast.broker.link import CONNECTION_LOST
from rollcast.broker.transport import SIZE
from rollcast.errors import BrokerRefused, BrokerUnavailable
from rollcast.topology import MiB
from tests.broker.proxy import Proxy
from tests.people import ACME
from tests.waiting import until

LOST = 24
"""Connections."""


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Nothing that refers to itself is collected; memory is traced."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    yield
    tracemalloc.stop()
    gc.enable()


async def test_a_wrong_password_is_refused(node: Broker) -> None:
    """The broker is there and lets nobody in; the password is not repeated."""
    link = Link(management.as_user(node.amqp_url, "admin", "not-the-password"), "test")
    with pytest.raises(BrokerRefused, match=r": ACCESS_REFUSED - .*logfile$") as refused:
        await link.channel()
    assert "not-the-password" not in f"{refused.value} {refused.value.hint} {link.place}"


@pytest.mark.parametrize(("user", "hint"), [("admin", "ROLLCAST_AMQP_URL"), (f"bob%40{ACME}", "the account")])
async def test_who_is_refused_is_told_what_to_look_at(node: Broker, user: str, hint: str) -> None:
    """An operator has no account that an operator could have removed."""
    with pytest.raises(BrokerRefused) as refused:
        await Link(management.as_user(node.amqp_url, user, "wrong"), "test").channel()
    assert hint in refused.value.hint


async def test_a_user_without_rights_is_told_so(node: Broker, user: Callable[[str, str], str]) -> None:
    """As a suspended account is: it may be let in later, the broker is not taken for absent, and says why."""
    url = user("^$", "^$")
    name = str(urlsplit(url).username)
    management.call(node.management_url, "DELETE", node.path("permissions", name))
    with pytest.raises(BrokerUnavailable, match=f"takes no connection of {name} at present: NOT_ALLOWED - "):
        await Link(url, "test").channel()


async def test_nobody_answers(proxy: Proxy) -> None:
    """A broker that is not there is unavailable, and the place is named."""
    url = proxy.url
    proxy.close()
    link = Link(url, "test")
    with pytest.raises(BrokerUnavailable, match=link.place):
        await link.channel()


async def test_a_lost_connection_is_made_again(link: Link, proxy: Proxy) -> None:
    """Asking again is enough, however the old connection went."""
    first = await link.channel()
    proxy.cut()
    await first.closed()
    again = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(BrokerUnavailable), stop=tenacity.stop_after_attempt(3)
    )
    second: AbstractChannel = await again(link.channel)
    assert not second.is_closed
    assert proxy.connections == 2


async def test_lost_connections_keep_no_buffers(link: Link, proxy: Proxy, uncollected: None) -> None:
    """What is left of them waits for the next full collection, which does not count bytes, and may be far away."""
    await _lose(link, proxy)
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(LOST):
        await _lose(link, proxy)
    kept = tracemalloc.get_traced_memory()[0] - before
    assert kept < LOST * SIZE / 4


async def test_one_connection_has_many_channels(link: Link, proxy: Proxy) -> None:
    """A link is one connection."""
    for _ in range(3):
        await link.channel()
    assert proxy.connections == 1


async def test_nobody_waits_for_a_broker_that_takes_nothing(link: Link, proxy: Proxy, queue: str) -> None:
    """What has not gone out by then is not sent, however much it is."""
    channel = await link.channel()
    proxy.hold()
    body = Message(bytes(32 * MiB))
    publishing = asyncio.create_task(channel.default_exchange.publish(body, queue))
    await asyncio.sleep(0.5)
    assert not publishing.done()
    async with asyncio.timeout(60):
        await link.close()
    with pytest.raises(CONNECTION_LOST):
        await publishing
    assert not link.is_open


async def _lose(link: Link, proxy: Proxy) -> None:
    """Connect, and lose the connection."""
    channel = await link.channel()
    proxy.cut()
    await channel.closed()
    await until(lambda: not link.is_open, "the link knows that it has lost its connection")
