"""Requests to a server that does not answer."""

from collections.abc import AsyncIterator

import pytest

from rollcast import requests, topology
from rollcast.broker import Link
from rollcast.errors import BrokerUnavailable
from rollcast.messages import OverviewAnswered, OverviewRequested
from rollcast.requests import Requester
from tests.broker.proxy import Proxy, proxied
from workers.settings import Settings


@pytest.fixture
async def way(server: Settings) -> AsyncIterator[Proxy]:
    """A way to the broker of a server that has no worker."""
    async with proxied(server.amqp_url) as made:
        yield made


async def refusal(requester: Requester, server: Settings, within: float) -> BrokerUnavailable:
    """What comes of a request to the first domain of the server."""
    request = OverviewRequested()
    key = topology.step_key(server.domains[0], request)
    with pytest.raises(BrokerUnavailable) as refused:
        await requester.request(topology.STEP, key, request, OverviewAnswered, within)
    return refused.value


async def test_a_silent_server_is_named(
    server: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After a while it is said once that it is waited for, and in the end that it did not answer."""
    monkeypatch.setattr(requests, "FIRST_WAIT", 0.05)
    link = Link(server.amqp_url, "test")
    requester = Requester(link)
    for _ in range(2):
        error = await refusal(requester, server, 0.5)
        assert str(error).startswith(f"the server of {server.domains[0]} did not answer through ")
        assert error.code == "server_silent"
    said = [record.getMessage() for record in caplog.records if record.name == requests.__name__]
    assert said == [f"no answer yet from the server of {server.domains[0]}; waiting"]
    await link.close()


async def test_no_server_is_blamed_for_a_broker_that_is_gone(way: Proxy, server: Settings) -> None:
    """It could not have answered."""
    link = Link(way.url, "test")
    requester = Requester(link)
    await requester.open()
    way.close()
    told = str(await refusal(requester, server, 0.5))
    assert told.startswith((f"no broker answers at {link.place}", f"lost the broker at {link.place}"))
