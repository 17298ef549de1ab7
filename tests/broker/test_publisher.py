"""When `publish` returns the broker has the message, whatever happened in between."""

import asyncio
from collections.abc import Callable

import pytest
from aio_pika import DeliveryMode
from aio_pika.abc import AbstractChannel

from rollcast.broker import Link, Publisher
from rollcast.errors import BrokerRefused, BrokerUnavailable
from tests.broker.proxy import Proxy


async def test_what_is_published_is_there(link: Link, admin: AbstractChannel, queue: str) -> None:
    """With its user, its headers, its type, and only as long-lived as was said."""
    publisher = Publisher(link)
    await publisher.publish("", queue, b"first", headers={"a": 1, "b": "two"}, correlation_id="c")
    await publisher.publish("", queue, b"second", persistent=False, expires_ms=60_000)
    held = await admin.get_queue(queue)
    first, second = await held.get(no_ack=True), await held.get(no_ack=True)
    assert (first.body, first.headers, first.correlation_id) == (b"first", {"a": 1, "b": "two"}, "c")
    assert (first.user_id, first.delivery_mode) == (link.user, DeliveryMode.PERSISTENT)
    assert (second.body, second.delivery_mode) == (b"second", DeliveryMode.NOT_PERSISTENT)
    assert second.expiration == 60


async def test_it_says_whether_a_mandatory_message_reached_a_queue(link: Link, queue: str) -> None:
    """What no queue takes is no error, and no success; the channel serves on."""
    publisher = Publisher(link)
    assert not await publisher.publish("", f"{queue}.not", b"x", mandatory=True)
    assert await publisher.publish("", queue, b"x", mandatory=True)


async def test_what_is_not_allowed_is_refused(user: Callable[[str, str], str], queue: str) -> None:
    """Trying again would not help; what is allowed goes on being published."""
    link = Link(user("^amq\\.topic$", "^$"), "test")
    publisher = Publisher(link)
    try:
        with pytest.raises(BrokerRefused, match=r"amq\.fanout"):
            await publisher.publish("amq.fanout", queue, b"x")
        assert await publisher.publish("amq.topic", queue, b"x")
    finally:
        await link.close()


async def test_nothing_is_lost_with_the_connection(
    link: Link, proxy: Proxy, admin: AbstractChannel, queue: str
) -> None:
    """What was under way when the connection went is published again: each message is there at least once."""
    publisher = Publisher(link, window=16)
    bodies = {b"%d" % number for number in range(200)}
    publishing = [asyncio.create_task(publisher.publish("", queue, body)) for body in bodies]
    for task in publishing[:50:10]:
        await task
        proxy.cut()
    await asyncio.gather(*publishing)
    assert proxy.connections > 1
    assert await _bodies(admin, queue) == bodies


async def test_it_gives_up_when_its_patience_ends(link: Link, proxy: Proxy, queue: str) -> None:
    """A broker that stays away is unavailable."""
    publisher = Publisher(link, patience=1.0)
    await publisher.publish("", queue, b"x")
    proxy.close()
    with pytest.raises(BrokerUnavailable):
        await publisher.publish("", queue, b"x")


async def test_nothing_is_lost_with_the_channel(link: Link, admin: AbstractChannel, queue: str) -> None:
    """A channel that is closed without a reason leaves those that publish on it with a bare `Exception`."""
    publisher = Publisher(link, window=16)
    bodies = {b"%d" % number for number in range(200)}
    publishing = [asyncio.create_task(publisher.publish("", queue, body)) for body in bodies]
    for task in publishing[:50:10]:
        await task
        await (await publisher.channel()).close()
    await asyncio.gather(*publishing)
    assert await _bodies(admin, queue) == bodies


async def _bodies(admin: AbstractChannel, queue: str) -> set[bytes]:
    held, found = await admin.get_queue(queue), set()
    while (message := await held.get(no_ack=True, fail=False)) is not None:
        found.add(message.body)
    return found
