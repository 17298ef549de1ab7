"""Parked messages on a real broker: seen without being taken, replayed as themselves, dropped; nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from pamqp.common import FieldValue

from rollcast import topology
from rollcast.broker import Delivery, Link, Publisher
from rollcast.codec import encode
from rollcast.errors import BrokerUnavailable, Transient
from rollcast.messages import ConsentAnswered, Message, ParkedAnswered, ParkedRequested, Refused
from rollcast.messages.values import ParkedAction, ParkedMessage
from rollcast.reasons import Code
from tests.broker.conftest import STEP
from tests.broker.proxy import Proxy
from tests.people import BOB
from workers import envelope
from workers.broker.declarer import Declarer
from workers.envelope import Envelope
from workers.parked import parking
from workers.parked import queue as parked_queue
from workers.parked.label import label
from workers.parked.parking import Parking
from workers.parked.queue import ParkedQueue
from workers.settings import Settings
from workers.work import Received

ANSWER = encode(ConsentAnswered(transfer_id="a" * 32, accept=True))
User = Callable[[str, str], str]


class Office(NamedTuple):
    """A server's parking as its operators reach it, and a channel of its user."""

    parking: Parking
    settings: Settings
    channel: AbstractChannel

    async def ask(self, action: ParkedAction, *ids: str, after: int = 0, domain: int = 0) -> Message:
        """The answer to an operator of one of the domains."""
        request = ParkedRequested(action=action, ids=list(ids), after=after)
        asked = Received(request, "operator", self.settings.domains[domain])
        return (await self.parking.answer(asked, request)).message

    async def listed(self, *, after: int = 0, domain: int = 0) -> Sequence[ParkedMessage]:
        """A page."""
        answer = await self.ask("list", after=after, domain=domain)
        assert isinstance(answer, ParkedAnswered)
        return answer.messages

    async def park(
        self, body: bytes = ANSWER, *, domain: int = 0, known: bool = True, step: str = STEP
    ) -> None:
        """Set a message aside as the ladder does."""
        home = self.settings.domains[domain]
        origin = Envelope(BOB, topology.UP, f"{home}.{BOB}.answer", 3) if known else None
        headers: dict[str, FieldValue] = {**label(step, "try_again", "away", origin)}
        message = aio_pika.Message(body, user_id=self.settings.user, headers=headers)
        await self.channel.default_exchange.publish(message, topology.parked(self.settings.server).name)

    async def handled(self) -> Delivery | None:
        """The next message in the queue of the step, acknowledged."""
        queue = await self.channel.get_queue(topology.step_queue(self.settings.server, STEP, ()).name)
        delivery = await queue.get(fail=False)
        if delivery is not None:
            await delivery.ack()
        return delivery


@pytest.fixture
async def office(server: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    """A server's parking, whose operators wait for each other on a slow machine, too."""
    monkeypatch.setattr(parked_queue, "PATIENCE", 60.0)
    link = Link(server.amqp_url, "test")
    yield Office(Parking(Publisher(link), ParkedQueue(server)), server, await link.channel())
    await link.close()


async def test_listing_takes_nothing_away(office: Office) -> None:
    """The oldest first, each time the same, under the same ids."""
    for number in range(5):
        await office.park(b"%d" % number)
    first = await office.listed()
    assert [message.size for message in first] == [1] * 5
    assert len({message.id for message in first}) == 5
    assert [message.parked_at for message in first] == sorted(message.parked_at or 0 for message in first)
    for _ in range(3):
        assert await office.listed() == first


async def test_pages_lead_through_all(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message once, in order; the last page has no successor, even if it is full."""
    monkeypatch.setattr(parking, "PAGE", 2)
    for number in range(6):
        await office.park(b"%d" % number)
    found: list[str] = []
    after: int | None = 0
    for last in (False, False, True):
        assert after is not None
        page = await office.ask("list", after=after)
        assert isinstance(page, ParkedAnswered)
        assert (page.next is None) == last
        found += [message.id for message in page.messages]
        after = page.next
    assert len(set(found)) == 6


async def test_each_domain_sees_its_own_and_what_is_nobodys(office: Office) -> None:
    """What is another domain's can be neither shown nor replayed nor dropped."""
    await office.park(b"0", domain=0)
    await office.park(b"1", domain=1)
    await office.park(b"22", known=False)
    ours, theirs = await office.listed(domain=0), await office.listed(domain=1)
    assert len(ours) == len(theirs) == 2
    (shared,) = {message.id for message in ours} & {message.id for message in theirs}
    (foreign,) = (message.id for message in theirs if message.id != shared)
    actions: tuple[ParkedAction, ...] = ("show", "replay", "drop")
    for action in actions:
        refused = await office.ask(action, foreign)
        assert isinstance(refused, Refused)
        assert refused.reason == Code.NO_SUCH_MESSAGE
    assert await office.listed(domain=1) == theirs


async def test_a_replayed_message_is_itself(office: Office) -> None:
    """To its step, from who sent it first, as its first attempt; and it is parked no longer."""
    await office.park()
    (message,) = await office.listed()
    answer = await office.ask("replay", message.id)
    assert isinstance(answer, ParkedAnswered)
    assert [done.id for done in answer.messages] == [message.id]
    delivery = await office.handled()
    assert delivery is not None
    home = office.settings.domains[0]
    assert envelope.read(delivery) == Envelope(BOB, topology.UP, f"{home}.{BOB}.answer", 0)
    assert (delivery.body, delivery.routing_key) == (ANSWER, f"{home}.{STEP}")
    assert delivery.expiration is None
    assert all(header.startswith("rollcast-") for header in delivery.headers.keys() - {"x-delivery-count"})
    assert await office.handled() is None
    assert await office.listed() == []


async def test_of_several_what_can_be_done_is_done(office: Office) -> None:
    """The answer has those; the others stay."""
    await office.park(b"1")
    await office.park(b"22", known=False)
    await office.park(b"333", step="nowhere")
    await office.park(b"4444")
    known, unknown, nowhere, last = (message.id for message in await office.listed())
    answer = await office.ask("replay", "0" * 16, unknown, last, known, nowhere)
    assert isinstance(answer, ParkedAnswered)
    assert {done.id for done in answer.messages} == {known, last}
    assert [message.id for message in await office.listed()] == [unknown, nowhere]
    for left in (unknown, nowhere):
        refused = await office.ask("replay", left)
        assert isinstance(refused, Refused)
        assert refused.reason == Code.NOT_REPLAYABLE
    answer = await office.ask("drop", unknown, nowhere, "0" * 16)
    assert isinstance(answer, ParkedAnswered)
    assert len(answer.messages) == 2
    assert await office.listed() == []


async def test_what_no_queue_takes_stays_parked(office: Office) -> None:
    """Those before it are replayed and told; asked for alone it is tried again later."""
    await office.park(b"1")
    await office.park(b"22", step="s270")
    here, nowhere = (message.id for message in await office.listed())
    answer = await office.ask("replay", here, nowhere)
    assert isinstance(answer, ParkedAnswered)
    assert [done.id for done in answer.messages] == [here]
    with pytest.raises(Transient):
        await office.ask("replay", nowhere)
    assert [message.id for message in await office.listed()] == [nowhere]


async def test_a_message_is_shown_with_all_that_it_says(office: Office) -> None:
    """As JSON, or byte by byte; what is long is cut off."""
    for body in (ANSWER, b"\xc1\x00", b"\xc1" * 100_000):
        await office.park(body)
    texts = []
    for message in await office.listed():
        assert message.text is None
        shown = await office.ask("show", message.id)
        assert isinstance(shown, ParkedAnswered)
        texts.append(shown.messages[0].text)
    assert '"type": "ConsentAnswered/1"' in (texts[0] or "")
    assert texts[1:] == ["c100", ("c1" * 100_000)[:65_536]]


@pytest.fixture
async def earlier(server: Settings) -> AsyncIterator[str]:
    """The queue of the step as an earlier version has declared it."""
    link = Link(server.amqp_url, "test")
    declarer = Declarer(link)
    queue = topology.earlier_step_queue(server.server, STEP, server.domains)
    await declarer.queues([queue])
    yield queue.name
    await declarer.delete_queues([queue.name])
    await link.close()


async def test_what_the_broker_has_parked_for_an_earlier_version(
    office: Office, user: User, earlier: str
) -> None:
    """It is listed with its step, its sender and this reason, and can be replayed like any other."""
    url = user(".*", "^$")
    name, home = url.split("//")[1].split(":")[0], office.settings.domains[0]
    key = f"{home}.{name}.answer"
    async with await aio_pika.connect(url) as connection:
        up = await (await connection.channel()).get_exchange(topology.UP, ensure=False)
        await up.publish(aio_pika.Message(ANSWER, user_id=name), key)
    assert await office.handled() is not None
    await _give_back_until_parked(office, earlier)
    (message,) = await office.listed()
    assert (message.step, message.reason, message.origin) == (STEP, "delivery_limit", name)
    assert (message.message, message.transfer_id) == ("ConsentAnswered/1", "a" * 32)
    assert message.parked_at is not None
    assert await office.listed(domain=1) == []
    assert isinstance(await office.ask("replay", message.id), ParkedAnswered)
    delivery = await office.handled()
    assert delivery is not None
    assert envelope.read(delivery) == Envelope(name, topology.UP, key, 0)
    assert await office.listed() == []


async def _give_back_until_parked(office: Office, earlier: str) -> None:
    queue = await office.channel.get_queue(earlier)
    async with asyncio.timeout(60), queue.iterator() as deliveries:
        for _ in range(101):
            # From 4.3 on, `nack` does not count.
            await (await anext(deliveries)).reject(requeue=True)
    parked = await office.channel.get_queue(topology.parked(office.settings.server).name)
    async with asyncio.timeout(60), parked.iterator() as deliveries:
        await (await anext(deliveries)).nack(requeue=True)


async def test_operators_do_not_hide_messages_from_each_other(office: Office) -> None:
    """Whoever asks while another one looks waits, and then sees them all."""
    for number in range(300):
        await office.park(b"%d" % number)
    pages = await asyncio.gather(*(office.listed(after=200) for _ in range(8)))
    assert [len(page) for page in pages] == [100] * 8


async def test_who_looks_too_long_does_not_keep_others_waiting_for_ever(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are told to try again later, not that nothing is parked."""
    monkeypatch.setattr(parked_queue, "PATIENCE", 0.2)
    await office.park()
    home, hurried = office.settings.domains[0], ParkedQueue(office.settings)
    async with ParkedQueue(office.settings).messages(home):
        with pytest.raises(Transient, match="another operator"):
            await hurried.messages(home).__aenter__()
    assert len(await office.listed()) == 1


async def test_one_replays_what_two_ask_for(office: Office) -> None:
    """The message is handled once, and the other one is told that it is not parked any more."""
    await office.park()
    (message,) = await office.listed()
    answers = await asyncio.gather(*(office.ask("replay", message.id) for _ in range(2)))
    assert sorted(type(answer).__name__ for answer in answers) == ["ParkedAnswered", "Refused"]
    assert await office.handled() is not None
    assert await office.handled() is None


async def test_a_look_that_ends_early_loses_nothing(office: Office) -> None:
    """All that was taken out is there again, in its place, and the next one may look at once."""
    for number in range(50):
        await office.park(b"%d" % number)
    before = await office.listed()
    async with ParkedQueue(office.settings).messages(office.settings.domains[0]) as messages:
        for _ in range(20):
            await anext(messages)
    assert await office.listed() == before


async def test_a_connection_that_is_cut_loses_nothing(office: Office, proxy: Proxy) -> None:
    """What was not acknowledged is there again, in its place."""
    for number in range(20):
        await office.park(b"%d" % number)
    before = await office.listed()
    user, place = office.settings.amqp_url.rpartition("@")[0], proxy.url.rpartition("@")[2]
    queue = ParkedQueue(replace(office.settings, amqp_url=f"{user}@{place}"))
    with pytest.raises(BrokerUnavailable):
        await _look_and_cut(queue, office.settings.domains[0], proxy)
    assert await office.listed() == before


async def _look_and_cut(queue: ParkedQueue, domain: str, proxy: Proxy) -> None:
    async with queue.messages(domain) as messages:
        async for _ in messages:
            proxy.cut()
