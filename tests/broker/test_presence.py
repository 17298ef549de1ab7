"""The broker is lost, and comes back: what a terminal says of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import quote, urlsplit

import pytest

from dev import management
from dev.broker import Broker
from rollcast.broker import Consumer, Link, Presence
from tests.broker.proxy import Proxy
from tests.broker.test_consumer import Reader, running
from tests.waiting import until


@asynccontextmanager
async def links(url: str) -> AsyncIterator[list[Link]]:
    """Two connections of one terminal."""
    presence = Presence()
    made = [Link(url, name, presence) for name in ("control", "inbound")]
    for link in made:
        await link.channel()
    yield made
    for link in made:
        await link.close()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What is said of the broker."""
    return [record.getMessage() for record in caplog.records if record.name.startswith("rollcast")]


def close_connections(node: Broker, user: str) -> int:
    """Close those of a user that the broker has listed by now; it takes a few seconds to. Returns how many."""
    found = management.call(node.management_url, "GET", "/api/connections")
    names = [quote(one["name"]) for one in found if one.get("user") == user]
    for name in names:
        management.delete(node.management_url, f"/api/connections/{name}")
    return len(names)


async def test_it_is_said_once_that_it_is_lost_and_once_that_it_is_back(
    proxy: Proxy, queue: str, caplog: pytest.LogCaptureFixture
) -> None:
    """At once, whatever is tried meanwhile, and without what a program holds in its hands."""
    place = urlsplit(proxy.url).netloc.rpartition("@")[2]
    async with links(proxy.url) as (control, inbound):
        tries = 0

        async def register() -> None:
            nonlocal tries
            tries += 1
            await control.channel()

        async with running(Consumer(inbound, queue, Reader().take, prefetch=1, prepare=register)) as _:
            proxy.close()
            await until(lambda: not inbound.is_open and not control.is_open and tries > 3, "both are lost")
            lost = [f"lost the broker at {place}, trying again"]
            assert lines(caplog) == lost
            assert "no broker answers" in str(control.absence)
            await proxy.start(int(place.rpartition(":")[2]))
            await until(lambda: inbound.is_open and control.is_open, "both are back")
    assert lines(caplog) == [*lost, f"the broker at {place} is back"]
    assert control.absence is None


async def test_what_the_broker_says_is_told(
    node: Broker, user: Callable[[str, str], str], queue: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Why it closes connections, as of an account that is suspended, and why it takes no new one."""
    url = user("^$", ".*")
    name = urlsplit(url).username or ""
    async with links(url) as (_, inbound), running(Consumer(inbound, queue, Reader().take, prefetch=1)):
        management.call(node.management_url, "DELETE", node.path("permissions", name))
        await until(lambda: close_connections(node, name) > 0, "its connections are closed")
        await until(lambda: len(lines(caplog)) == 2, "both are told")
    lost, refused = lines(caplog)
    assert "(CONNECTION_FORCED - " in lost
    assert f"takes no connection of {name} at present: NOT_ALLOWED - " in refused
    assert refused.endswith("; trying again")


def test_a_link_that_notices_its_loss_later_is_not_the_broker(caplog: pytest.LogCaptureFixture) -> None:
    """It connects when it is used next: nobody would tell until then that the broker is back."""
    presence = Presence()
    for link in ("inbound", "bulk"):
        presence.find(link, "here")
    for link in ("inbound", "bulk", "bulk"):
        presence.lose(link, "here", "")
    presence.find("inbound", "here")
    presence.find("bulk", "here")
    presence.lose("bulk", "here", "")
    assert lines(caplog) == ["lost the broker at here, trying again", "the broker at here is back"]


async def test_whoever_leaves_has_lost_nothing(proxy: Proxy, caplog: pytest.LogCaptureFixture) -> None:
    """A connection that we close ourselves is not missed."""
    async with links(proxy.url):
        pass
    await until(lambda: proxy.connections == 2, "both have come")
    assert lines(caplog) == []
