"""Of a body that is too long only the beginning comes, and whatever comes with it or behind it comes as ever."""

import asyncio
from urllib.parse import unquote, urlsplit

import pytest
from pamqp import commands

from dev.broker import Broker
from rollcast.broker import Consumer, Link, cut_from
from rollcast.broker.bodies import CUT, KEPT
from tests.broker.test_consumer import Reader, running
from tests.contract.raw_amqp import Connection

LONGEST = 100_000
FRAME = 131_072


def _sent(size: int) -> bytes:
    return bytes(number % 251 for number in range(size))


@pytest.mark.parametrize("size", [LONGEST + 1, FRAME, 5 * FRAME + 3], ids=["one frame", "two", "many"])
async def test_the_beginning_is_kept(node: Broker, queue: str, size: int) -> None:
    """With the size, who sent it and who waits for an answer; not what else its sender wrote."""
    long, whole = _sent(size), _sent(LONGEST)
    user = unquote(urlsplit(node.amqp_url).username or "")
    properties = commands.Basic.Properties(
        user_id=user, reply_to="there", correlation_id="7", message_id="x", headers={"CC": ["elsewhere"]}
    )

    def publish() -> None:
        with Connection(node.amqp_url) as connection:
            for body in (long, whole, long, b""):
                connection.publish("", queue, body, properties)

    link = Link(node.amqp_url, "test", longest=LONGEST)
    reader = Reader()
    try:
        async with running(Consumer(link, queue, reader.take, prefetch=10)):
            await asyncio.to_thread(publish)
            found = [await reader.hear(body) for body in (long[:KEPT], whole, long[:KEPT], b"")]
    finally:
        await link.close()
    assert [cut_from(delivery) for delivery in found] == [size, None, size, None]
    cut, kept, *_ = found
    assert (cut.user_id, cut.reply_to, cut.correlation_id, cut.message_id) == (user, "there", "7", None)
    assert cut.headers == {CUT: size}
    assert (kept.message_id, CUT in kept.headers) == ("x", False)
