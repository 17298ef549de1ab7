"""Replies over a real broker: where they may go, and what a forged place costs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from structlog.testing import capture_logs

from dev.broker import Broker
from rollcast.broker import Link, Publisher
from rollcast.codec import decode
from rollcast.messages import ReceiptRecorded
from rollcast.topology import REPLY_TO
from tests.people import ALICE, EVE
from workers.replies import PATIENCE, Replies, is_place

REPLY = ReceiptRecorded(transfer_id="e" * 32)
OF_NO_NODE = "g1h3D3JlcGx5QDEyMzQ1Njc4OQAAAAAAAAAAAAAAAA==.5RdeuLJm5pQNMDYUM0yMlg=="


class Asker:
    """Somebody who waits for replies; `place` is where the broker says they go."""

    def __init__(self, place: str, heard: asyncio.Queue[AbstractIncomingMessage]) -> None:
        self.place = place
        self._heard = heard

    async def hears(self) -> object:
        """The next reply."""
        async with asyncio.timeout(10):
            return decode((await self._heard.get()).body)


@asynccontextmanager
async def asking(node: Broker, admin: AbstractChannel, queue: str) -> AsyncIterator[Asker]:
    """Ask something."""
    async with await aio_pika.connect(node.amqp_url) as connection:
        channel = await connection.channel()
        heard: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        await (await channel.get_queue(REPLY_TO, ensure=False)).consume(heard.put, no_ack=True)
        await channel.default_exchange.publish(aio_pika.Message(b"?", reply_to=REPLY_TO), queue)
        question = await (await admin.get_queue(queue)).get()
        await question.ack()
        yield Asker(question.reply_to or "", heard)


@pytest.mark.parametrize("forged", ["AAAA.x", "!!!!.x", OF_NO_NODE])
async def test_a_forged_place_costs_replies_and_nothing_else(
    node: Broker, admin: AbstractChannel, queue: str, link: Link, forged: str
) -> None:
    """Over some the broker closes the connection; whoever asks after that is answered."""
    replying = Link(node.amqp_url, "replies")
    replies = Replies(Publisher(replying, patience=PATIENCE))
    other = await Publisher(link).channel()
    async with asking(node, admin, queue) as asker:
        assert is_place(asker.place)
        with capture_logs() as lines:
            await replies.send(EVE, f"{REPLY_TO}.{forged}", None, REPLY)
        assert [line["event"] for line in lines] in (
            [],
            ["a reply was lost; whoever waits for it asks again"],
        )
        await replies.send(ALICE, asker.place, None, REPLY)
        assert await asker.hears() == REPLY
    assert not other.is_closed
    await replying.close()


async def test_who_has_asked_may_have_left(
    node: Broker, admin: AbstractChannel, queue: str, link: Link
) -> None:
    """That is no trouble to anybody."""
    async with asking(node, admin, queue) as asker:
        pass
    publisher = Publisher(link, patience=PATIENCE)
    channel = await publisher.channel()
    with capture_logs() as lines:
        await Replies(publisher).send(ALICE, asker.place, None, REPLY)
    assert (lines, channel.is_closed) == ([], False)
