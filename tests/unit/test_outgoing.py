"""What a sender makes of what the server says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest

from rollcast import events as e
from rollcast import messages as m
from rollcast.errors import BrokerUnavailable, FileUnusable, InvalidMessage, TransferRefusedError
from rollcast.messages.values import FileSelector, ReceiverProgress, ReceiverStatus, TransferStatus
from rollcast.reasons import Code
from rollcast.report import Report
from rollcast.sending import outgoing as module
from rollcast.sending.outgoing import Outgoing
from rollcast.sending.request import Wish, parts, selector
from rollcast.sending.source import Source
from rollcast.states import Receiver, Transfer
from tests.people import ACME, ALICE, BOB, CAROL_OF_ACME
from tests.unit.fakes import FakeSession
from tests.unit.offers import NO_HASH, TRANSFER

SESSION = "5" * 32
STATUS = TransferStatus(
    transfer_id=TRANSFER,
    state=Transfer.COMPLETED,
    report_version=1,
    list_version=1,
    list_policy="subset",
    sender=ALICE,
    created_at=0,
    expires_at=1,
    file=FileSelector(name="a", size=0, hash=NO_HASH),
)


def wish(*recipients: str, chunk_size: int = 65_536) -> Wish:
    """A wish for the usual."""
    return Wish(
        transfer_id=TRANSFER,
        recipients=recipients,
        list_policy="subset",
        consent_timeout=60,
        expires=3600,
        upload="live",
        dry_run=False,
        chunk_size=chunk_size,
    )


def accepted(state: Transfer = Transfer.ASKING, *, uploaded: bool = False) -> m.TransferAccepted:
    """The server's answer to a request."""
    return m.TransferAccepted(
        transfer_id=TRANSFER,
        state=state,
        created_at=0,
        consent_deadline=1,
        expires_at=2,
        recipients=1,
        uploaded=uploaded,
    )


def status(address: str, state: Receiver = Receiver.ACCEPTED) -> ReceiverStatus:
    """How a receiver stands."""
    return ReceiverStatus(address=address, state=state)


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Source]:
    """A file of two chunks."""
    (tmp_path / "plan.pdf").write_bytes(b"x" * 70_000)
    source = await Source.open(tmp_path / "plan.pdf", sha256=False)
    yield source
    source.close()


async def nothing() -> None:
    """Whoever plays the server is heard anyway."""


def sending(
    session: FakeSession, source: Source, *, detach: bool = False, known: Report | None = None
) -> Outgoing:
    """A transfer to bob."""
    request = parts(wish(BOB), SESSION, selector(source, None))
    return Outgoing(session, source, request, listen=nothing, detach=detach, known=known)


async def heard(outgoing: Outgoing, *messages: m.Message) -> list[e.SenderEvent]:
    """The events of these messages, up to the end."""
    for message in messages:
        outgoing.hear(message)
    return [event async for event in outgoing.events()]


async def test_a_transfer_from_request_to_report(source: Source) -> None:
    """Repetitions make no second event; the rest of a long report is fetched."""
    session = FakeSession()
    session.answers = [m.TransferDescribed(transfer=STATUS, receivers=[status(CAROL_OF_ACME)])]
    held = m.TransferHeld(transfer_id=TRANSFER, reason=Code.SPOOL_FULL, detail="no room")
    listed = m.ReceiverListResolved(
        transfer_id=TRANSFER,
        list_version=1,
        listed=1,
        requested=2,
        receivers=[status(BOB), status(CAROL_OF_ACME, Receiver.REJECTED)],
    )
    progress = [
        m.ProgressSummarized(transfer_id=TRANSFER, receivers=[ReceiverProgress(address=address, bytes=9)])
        for address in (BOB, CAROL_OF_ACME)
    ]
    completed = m.UploadCompleted(transfer_id=TRANSFER)
    end = m.TransferReported(transfer=STATUS, receivers=[status(BOB)], next=1)
    seen = await heard(
        sending(session, source),
        *(accepted(), accepted(), held, held, listed, listed, *progress, completed, completed),
        *(accepted(Transfer.CASTING, uploaded=True), end),
    )
    kinds = [e.Accepted, e.Held, e.ListResolved, e.Progressed, e.Progressed, e.Uploaded, e.Accepted]
    assert [type(event) for event in seen] == [*kinds, e.Reported]
    resolved, merged, last = seen[2], seen[4], seen[-1]
    assert isinstance(resolved, e.ListResolved)
    assert [one.address for one in resolved.listed] == [BOB]
    assert [one.address for one in resolved.others] == [CAROL_OF_ACME]
    assert isinstance(merged, e.Progressed)
    assert merged.receivers == {BOB: 9, CAROL_OF_ACME: 9}
    assert isinstance(last, e.Reported)
    assert [one.address for one in last.report.receivers] == [BOB, CAROL_OF_ACME]


@pytest.mark.parametrize(
    "end", [m.UploadCompleted(transfer_id=TRANSFER), accepted(Transfer.CASTING, uploaded=True)]
)
async def test_detached_the_upload_is_the_end(source: Source, end: m.Message) -> None:
    """However the sender learns that the server has the file."""
    seen = await heard(sending(FakeSession(), source, detach=True), accepted(), end)
    assert isinstance(seen[-1], e.Uploaded)


async def test_a_refusal_is_raised(source: Source) -> None:
    """With its code and what to do about it."""
    refused = m.TransferRefused(
        transfer_id=TRANSFER,
        step="s220",
        reason=Code.SENDING_NOT_ALLOWED,
        detail="alice may not send",
        hint="Ask.",
        may_ask_again=False,
    )
    with pytest.raises(TransferRefusedError, match="alice may not send") as caught:
        await heard(sending(FakeSession(), source), refused)
    assert (caught.value.code, caught.value.hint) == (Code.SENDING_NOT_ALLOWED, "Ask.")


async def test_the_request_is_repeated_until_it_is_heard(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same request under the same id, then also after silence."""
    monkeypatch.setattr(module, "UNHEARD_WAITS", (0.01, 0.02, 0.04))
    monkeypatch.setattr(module, "FIRST_WAIT", 0.05)
    session = FakeSession()
    outgoing = sending(session, source)
    reading = asyncio.create_task(heard(outgoing))
    first = await asyncio.wait_for(session.told.get(), 5)
    assert await asyncio.wait_for(session.told.get(), 5) == first
    outgoing.hear(accepted())
    session.told_so_far()
    assert await asyncio.wait_for(session.told.get(), 5) == first
    outgoing.hear(m.TransferReported(transfer=STATUS, receivers=[]))
    assert isinstance((await asyncio.wait_for(reading, 5))[-1], e.Reported)


async def test_a_changed_file_takes_the_transfer_back(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is told why; without its report the reason is raised."""
    monkeypatch.setattr(module, "CHANGE_REPORTED_WITHIN", 0.01)
    session = FakeSession()
    outgoing = sending(session, source)
    source.path.write_bytes(b"changed")
    with pytest.raises(FileUnusable, match="changed"):
        await heard(outgoing, accepted(), m.UploadInvited(transfer_id=TRANSFER, ranges=[(0, 2)]))
    assert [one.reason for one in session.told_so_far() if isinstance(one, m.CancelRequested)] == [
        "source_changed"
    ]


async def test_a_long_list_goes_in_parts(source: Source) -> None:
    """Of 500 recipients, alike but for these; an empty list is still a request."""
    names = [f"r{number}@{ACME}" for number in range(1001)]
    messages = parts(wish(*names), SESSION, selector(source, None))
    assert [name for message in messages for name in message.recipients] == names
    assert [(message.part, message.parts) for message in messages] == [(0, 3), (1, 3), (2, 3)]
    assert [message.recipients for message in parts(wish(), SESSION, selector(source, None))] == [[]]
    assert messages[0].file.type == "application/pdf"


async def test_what_no_server_could_read_is_not_sent(source: Source) -> None:
    """It would be parked there, and nobody would answer."""
    for wrong in (wish("x" * 2000), wish(BOB, chunk_size=1)):
        with pytest.raises(InvalidMessage):
            parts(wrong, SESSION, selector(source, None))


async def test_a_blocked_broker_is_told_once(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """And once more when it takes messages again."""
    monkeypatch.setattr(module, "LOOK_EVERY", 0.001)
    session = FakeSession()
    session.is_blocked = True
    outgoing = sending(session, source)
    async with asyncio.timeout(5), aclosing(outgoing.events()) as events:
        assert isinstance(await anext(events), e.Paused)
        session.is_blocked = False
        assert isinstance(await anext(events), e.Resumed)
        outgoing.hear(m.TransferReported(transfer=STATUS, receivers=[]))
        assert [type(event) async for event in events] == [e.Reported]


async def test_a_server_that_does_not_report_is_given_up(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A while after the expiry that it named, but not as long as the broker is blocked."""
    monkeypatch.setattr(module, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(module, "GRACE", 0.05)
    session = FakeSession()
    session.is_blocked = True
    outgoing = sending(session, source)
    reading = asyncio.create_task(heard(outgoing, accepted()))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(reading), 0.3)
    session.is_blocked = False
    with pytest.raises(BrokerUnavailable, match="by its expiry"):
        await asyncio.wait_for(reading, 5)


async def test_the_upload_is_told(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is with the server already is part of it."""
    monkeypatch.setattr(module, "UPLOAD_TOLD_EVERY", 0.001)
    known = Report(msgspec.structs.replace(STATUS, state=Transfer.CASTING, uploaded=65_536), [])
    outgoing = sending(FakeSession(), source, known=known)
    outgoing.hear(m.UploadInvited(transfer_id=TRANSFER, ranges=[(1, 2)]))
    async with asyncio.timeout(5), aclosing(outgoing.events()) as events:
        told = [await anext(events) for _ in range(3)]
    assert told[-2:] == [
        e.UploadStarted(transfer_id=TRANSFER),
        e.UploadProgressed(transfer_id=TRANSFER, bytes=65_536),
    ]


async def test_a_resumed_transfer_begins_with_the_list_that_is_known(source: Source) -> None:
    """Later versions add to it."""
    known = Report(
        msgspec.structs.replace(STATUS, state=Transfer.CASTING, list_version=1),
        [status(BOB, Receiver.RECEIVING), status(CAROL_OF_ACME, Receiver.DEFERRED)],
    )
    later = m.ReceiverListResolved(
        transfer_id=TRANSFER, list_version=2, listed=2, requested=2, receivers=[status(CAROL_OF_ACME)]
    )
    end = m.TransferReported(transfer=STATUS, receivers=[])
    seen = await heard(sending(FakeSession(), source, known=known), later, end)
    lists = [event for event in seen if isinstance(event, e.ListResolved)]
    assert [[one.address for one in event.listed] for event in lists] == [
        [BOB],
        [BOB, CAROL_OF_ACME],
    ]
