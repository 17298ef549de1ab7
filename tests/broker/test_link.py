"""Getting in, being let out, and coming back."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
import tenacity
from aio_pika.abc import AbstractChannel

from dev import management
from dev.broker import Broker
from rollcast.broker import Link
from rollcast.errors import BrokerRefused, BrokerUnavailable
from tests.broker.proxy import Proxy


async def test_a_wrong_password_is_refused(node: Broker) -> None:
    """The broker is there and lets nobody in; the password is not repeated."""
    link = Link(management.as_user(node.amqp_url, "admin", "not-the-password"), "test")
    with pytest.raises(BrokerRefused) as refused:
        await link.channel()
    assert "not-the-password" not in f"{refused.value} {refused.value.hint} {link.place}"


async def test_a_user_without_rights_is_told_so(node: Broker, user: Callable[[str, str], str]) -> None:
    """As a suspended account is: it may be let in later, and the broker is not taken for absent."""
    url = user("^$", "^$")
    name = urlsplit(url).username
    management.call(node.management_url, "DELETE", f"/api/permissions/%2F/{name}")
    with pytest.raises(BrokerUnavailable, match=f"takes no connection of {name}"):
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


async def test_one_connection_has_many_channels(link: Link, proxy: Proxy) -> None:
    """A link is one connection."""
    for _ in range(3):
        await link.channel()
    assert proxy.connections == 1
