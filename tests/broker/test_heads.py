"""A message whose properties cannot be read costs itself, not the connection and all that comes through it."""

import asyncio

import pytest
from pamqp import commands

from dev.broker import Broker
from rollcast.broker import Consumer, Link
from tests.broker.test_consumer import Reader, running
from tests.contract.raw_amqp import Connection

DEPTH = 8_000
"""More tables in tables than Python calls itself."""


class NoText(str):
    """What a client writes that does not care for UTF-8."""

    def encode(self, *_: object) -> bytes:
        """The bytes on the wire."""
        return b"\xff\xfe"


class Raw(commands.Basic.Properties):
    """One property, given by its flag and its bytes."""

    def __init__(self, flag: int, value: bytes) -> None:
        super().__init__()
        self._bytes = (1 << flag).to_bytes(2) + value

    def marshal(self) -> bytes:
        """The bytes on the wire."""
        return self._bytes


def deep() -> bytes:
    """Tables in tables, `DEPTH` of them."""
    table = b""
    for _ in range(DEPTH):
        table = b"\x01kF" + len(table).to_bytes(4) + table
    return len(table).to_bytes(4) + table


@pytest.mark.parametrize(
    "properties",
    [
        commands.Basic.Properties(correlation_id=NoText("x")),
        commands.Basic.Properties(message_id=NoText("x")),
        commands.Basic.Properties(headers={NoText("x"): 1}),
        Raw(13, deep()),
        Raw(6, b"\xff" * 8),
    ],
    ids=["correlation id", "message id", "header", "depth", "timestamp"],
)
async def test_it_comes_without_its_properties(
    link: Link, queue: str, node: Broker, properties: commands.Basic.Properties
) -> None:
    """Without a user, too, so that nobody believes it; and those behind it come as ever."""

    def publish() -> None:
        with Connection(node.amqp_url) as connection:
            connection.publish("", queue, b"bad", properties)
            connection.publish("", queue, b"good", commands.Basic.Properties(correlation_id="x"))

    await asyncio.to_thread(publish)
    reader = Reader()
    consumer = Consumer(link, queue, reader.take, prefetch=10)
    async with running(consumer):
        bad = await reader.hear(b"bad")
        good = await reader.hear(b"good")
        assert (bad.user_id, bad.correlation_id, bad.headers) == (None, None, {})
        assert good.correlation_id == "x"
        assert consumer.starts == 1
