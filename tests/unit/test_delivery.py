"""From the last chunk to the receipt, and again after a crash."""

import asyncio
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from blake3 import blake3

from rollcast.errors import BrokerUnavailable
from rollcast.events import Delivered, Failed, Opened, ReceiverEvent
from rollcast.messages import Message, ReceiptRecorded, ReceiptReported, Refused, Register, TransferEnded
from rollcast.messages.values import Hashes, Offer
from rollcast.reasons import Code
from rollcast.receiving import delivery as module
from rollcast.receiving.deliveries import Deliveries
from rollcast.receiving.delivery import Delivery
from rollcast.receiving.fetch import Surroundings
from rollcast.receiving.journal import Journal, Line
from rollcast.receiving.journals import KEPT_AFTER_EXPIRY_US, Journals
from rollcast.receiving.partfile import PartFile
from rollcast.registration import Registration
from rollcast.states import Transfer
from rollcast.tasks import Stream, Tasks
from tests.people import BOB
from tests.unit.fakes import FakeSession
from tests.unit.offers import TRANSFER, offer

CONTENT = b"x" * 70_000
HASH = Hashes(blake3=blake3(CONTENT).hexdigest())
RECORDED = ReceiptRecorded(transfer_id=TRANSFER)


@dataclass(frozen=True)
class Place:
    """A folder that is received into."""

    folder: Path
    around: Surroundings
    session: FakeSession

    def journal(self, what: Offer, *, whole: bool = True) -> Journal:
        """What a process leaves that was killed when all chunks were there."""
        journal = self.around.journals.begin(what)
        if whole:
            part = self.around.journals.part(TRANSFER)
            part.open()
            part.write(0, CONTENT)
            part.close()
            journal.note(Line(opened=True))
            journal.note_chunk(0)
            journal.note_chunk(1)
        return journal

    async def deliver(self, journal: Journal) -> tuple[ReceiptReported, list[ReceiverEvent]]:
        """The receipt that the server gets, and the events."""
        self.session.answers = [RECORDED]
        await asyncio.wait_for(Delivery(self.around, journal, "lane", 8).run(), 10)
        receipt = self.session.told.get_nowait()
        assert isinstance(receipt, ReceiptReported)
        return receipt, await self.events()

    async def events(self) -> list[ReceiverEvent]:
        """What happened since the last look."""
        self.around.events.fail(EOFError())
        events = []
        try:
            while True:
                events.append(await self.around.events.get())
        except EOFError:
            return events


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty folder."""
    session = FakeSession(BOB)
    registration = Registration(session, Register, lambda _: None)
    events: Stream[ReceiverEvent] = Stream()
    with Journals(tmp_path, BOB) as journals:
        around = Surroundings(session=session, registration=registration, journals=journals, events=events)
        yield Place(tmp_path, around, session)


def whole_file(name: str = "a.bin", file_hash: Hashes = HASH) -> Offer:
    """An offer of `CONTENT`."""
    return offer(name=name, size=len(CONTENT), file_hash=file_hash)


async def test_a_whole_file_gets_its_name_and_its_receipt(place: Place) -> None:
    """Beside another file of that name; nothing else is left."""
    (place.folder / "a.bin").write_text("mine")
    receipt, events = await place.deliver(place.journal(whole_file()))
    assert (receipt.outcome, receipt.stored_as, receipt.hash) == ("delivered", "a (2).bin", HASH)
    assert receipt.bytes == len(CONTENT)
    assert (place.folder / "a (2).bin").read_bytes() == CONTENT
    assert (place.folder / "a.bin").read_text() == "mine"
    assert not list(place.folder.glob(".rollcast/*.part"))
    assert [type(event) for event in events] == [Opened, Delivered]


async def test_an_empty_file_needs_no_lane(place: Place) -> None:
    """It has no chunks."""
    empty = offer(file_hash=Hashes(blake3=blake3(b"").hexdigest()))
    receipt, _ = await place.deliver(place.journal(empty, whole=False))
    assert (receipt.outcome, receipt.bytes) == ("delivered", 0)
    assert (place.folder / "a.bin").read_bytes() == b""


async def test_a_receipt_is_repeated_from_the_journal(place: Place) -> None:
    """The server prompts when it has not got it; the file is not stored twice, nor announced."""
    journal = place.journal(whole_file())
    first, _ = await place.deliver(journal)
    again, events = await place.deliver(journal)
    assert again == first
    assert events == []
    assert [path.name for path in place.folder.iterdir() if path.is_file()] == ["a.bin"]


@pytest.mark.parametrize("unlinked", [False, True])
async def test_a_crash_while_naming_makes_no_second_file(place: Place, unlinked: bool) -> None:
    """Between the link and the receipt."""
    journal = place.journal(whole_file())
    part = place.around.journals.part(TRANSFER).path
    journal.note(Line(naming="a.bin"))
    (place.folder / "a.bin").hardlink_to(part)
    if unlinked:
        part.unlink()
    receipt, _ = await place.deliver(journal)
    assert receipt.stored_as == "a.bin"
    assert [path.name for path in place.folder.iterdir() if path.is_file()] == ["a.bin"]


@pytest.mark.parametrize("name", ["../a.bin", "a/b", "..", "a\0b", "a\nb"])
async def test_a_name_that_leads_astray_fails(place: Place, name: str) -> None:
    """The server has checked it; the receiver does not rely on that."""
    receipt, events = await place.deliver(place.journal(whole_file(name)))
    assert receipt.outcome == "failed"
    assert isinstance(events[-1], Failed)
    assert [path.name for path in place.folder.iterdir()] == [".rollcast"]
    assert not (place.folder.parent / "a.bin").exists()


async def test_a_wrong_digest_fails(place: Place) -> None:
    """The file does not appear under its name."""
    receipt, events = await place.deliver(place.journal(offer(), whole=False))
    assert (receipt.outcome, receipt.stored_as) == ("failed", None)
    assert "digest" in (receipt.detail or "")
    assert isinstance(events[-1], Failed)
    assert not (place.folder / "a.bin").exists()


async def test_a_folder_that_cannot_be_written_fails(place: Place) -> None:
    """The sender reads why."""
    journal = place.journal(whole_file())
    (place.folder / ".rollcast" / f"{TRANSFER}.part").unlink()
    (place.folder / ".rollcast" / f"{TRANSFER}.part").symlink_to("elsewhere")
    journal.note(Line(restarted=True))
    receipt, _ = await place.deliver(journal)
    assert receipt.outcome == "failed"
    assert "could not be stored" in (receipt.detail or "")


def fill_disk(journal: Journal, field: str) -> None:
    """No line with this field can be written down any more."""
    note = journal.note

    def full(line: Line) -> None:
        if getattr(line, field):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        note(line)

    journal.note = full  # type: ignore[method-assign]


@pytest.mark.parametrize("field", ["receipt", "recorded"])
async def test_a_file_that_has_its_name_is_delivered(place: Place, field: str) -> None:
    """Whatever cannot be written down after that, now and when it is asked for again."""
    journal = place.journal(whole_file())
    fill_disk(journal, field)
    for again in range(2):
        receipt, events = await place.deliver(journal)
        assert receipt.outcome == "delivered"
        assert again or isinstance(events[-1], Delivered)
        assert [path.name for path in place.folder.iterdir() if path.is_file()] == ["a.bin"]


async def test_a_receipt_that_is_not_taken_is_kept_for_whoever_asks(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is there, and that is told once; long after the expiry the server comes back and hears of it."""
    journal = place.journal(whole_file())
    with monkeypatch.context() as silent:
        silent.setattr(place.session, "request", nobody_answers)
        await asyncio.wait_for(Delivery(place.around, journal, "lane", 8).run(), 10)
    assert not journal.recorded
    told = (await place.events())[-1]
    assert isinstance(told, Delivered)
    assert (told.path.read_bytes(), told.recorded) == (CONTENT, False)
    place.around.journals.prune(journal.offer.expires_at + KEPT_AFTER_EXPIRY_US + 1)

    tasks = Tasks(place.around.events)
    ended = TransferEnded(transfer_id=TRANSFER, state=Transfer.EXPIRED, reason=Code.NO_RECEIPT)
    await Deliveries(place.around, tasks).on_ended(ended)
    receipt = await asyncio.wait_for(place.session.told.get(), 10)
    await asyncio.sleep(0)
    await tasks.close()

    assert isinstance(receipt, ReceiptReported)
    assert (receipt.outcome, receipt.stored_as) == ("delivered", "a.bin")
    assert journal.recorded
    assert await place.events() == []


async def test_a_receipt_that_is_refused_is_told_once(place: Place) -> None:
    """However often the server asks for it."""
    journal = place.journal(whole_file())
    for events in ([Opened, Delivered], []):
        place.session.answers = [Refused(reason=Code.INVALID_MESSAGE, detail="no", hint="none")]
        await asyncio.wait_for(Delivery(place.around, journal, "lane", 8).run(), 10)
        assert [type(event) for event in await place.events()] == events
    assert not journal.recorded


async def nobody_answers(message: Message, expect: type[Message], within: float) -> Message:
    """The server is away."""
    raise BrokerUnavailable("the server did not answer")


async def test_a_name_that_cannot_be_announced_is_not_taken(place: Place) -> None:
    """A crash would leave a file that nobody knows of."""
    journal = place.journal(whole_file())
    fill_disk(journal, "naming")
    receipt, events = await place.deliver(journal)
    assert receipt.outcome == "failed"
    assert isinstance(events[-1], Failed)
    assert [path.name for path in place.folder.iterdir()] == [".rollcast"]


async def test_an_expired_transfer_leaves_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops by itself, whatever the server says."""
    monkeypatch.setattr(module, "GRACE", 0.05)
    journal = place.journal(offer(size=len(CONTENT), expires_at=1), whole=False)
    await asyncio.wait_for(Delivery(place.around, journal, "lane", 8).run(), 10)
    assert not [one for one in place.session.told_so_far() if isinstance(one, ReceiptReported)]
    assert not list(place.folder.glob(".rollcast/*.part"))


async def test_a_part_that_cannot_be_removed_ends_nothing_else(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receiver goes on with all other files when one has expired."""
    monkeypatch.setattr(module, "GRACE", 0.05)
    monkeypatch.setattr(PartFile, "discard", disk_gone)
    journal = place.journal(offer(size=len(CONTENT), expires_at=1), whole=False)
    await asyncio.wait_for(Delivery(place.around, journal, "lane", 8).run(), 10)
    assert journal.receipt is None


def disk_gone(part: PartFile) -> None:
    """Nothing can be removed any more."""
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(part.path))
