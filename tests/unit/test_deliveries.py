"""A transfer that was cut off: what is there of it goes, and what is whole is said to be so."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from blake3 import blake3

from rollcast.events import Ended, ReceiverEvent
from rollcast.messages import LaneOpened, Message, ReceiptReported, Register, TransferEnded
from rollcast.messages.values import Hashes
from rollcast.reasons import Code
from rollcast.receiving.deliveries import Deliveries
from rollcast.receiving.delivery import Delivery
from rollcast.receiving.fetch import Surroundings
from rollcast.receiving.journal import Journal, Line
from rollcast.receiving.journals import KEPT_AFTER_EXPIRY_US, UNTOLD_KEPT_US, Journals
from rollcast.receiving.partfile import PartFile
from rollcast.registration import Registration
from rollcast.states import Transfer
from rollcast.tasks import Stream, Tasks
from tests.people import BOB
from tests.unit.fakes import FakeSession
from tests.unit.offers import TRANSFER, offer

CONTENT = b"x" * 10
HASH = Hashes(blake3=blake3(CONTENT).hexdigest())
ENDED = TransferEnded(transfer_id=TRANSFER, state=Transfer.CANCELLED, reason=Code.CANCELLED)


class Place:
    """A folder that a process has left, and the next one that receives into it."""

    def __init__(self, folder: Path, journals: Journals) -> None:
        self.folder = folder
        self.journals = journals
        self.part = folder / ".rollcast" / f"{TRANSFER}.part"
        self.session = FakeSession(BOB)
        self.events: Stream[ReceiverEvent] = Stream()
        registration = Registration(self.session, Register, lambda _: None)
        around = Surroundings(
            session=self.session, registration=registration, journals=journals, events=self.events
        )
        self.tasks = Tasks(self.events)
        self.deliveries = Deliveries(around, self.tasks)

    def left(self, *lines: Line) -> Journal:
        """All chunks were there, and these things were written down."""
        self.part.write_bytes(CONTENT)
        journal = self.journals.begin(offer(size=len(CONTENT), file_hash=HASH, expires_at=1))
        for line in (Line(accept=True), Line(opened=True), *lines):
            journal.note(line)
        journal.close()
        return journal

    async def told(self) -> ReceiptReported:
        """What the server hears when it has said that the file will not come."""
        await self.deliveries.on_ended(ENDED)
        async with asyncio.timeout(10):
            message = await self.session.told.get()
        assert isinstance(message, ReceiptReported)
        return message


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """An empty folder."""
    with Journals(tmp_path, BOB) as journals:
        made = Place(tmp_path, journals)
        yield made
        await made.tasks.close()


async def test_a_part_of_a_file_is_removed(place: Place) -> None:
    """And the server is told so."""
    journal = place.left()
    assert (await place.told()).outcome == "discarded"
    assert not place.part.exists()
    assert journal.ended


@pytest.mark.parametrize("outcome", ["delivered", "failed"])
async def test_a_receipt_that_was_not_taken_is_told_again(place: Place, outcome: str) -> None:
    """The process was killed before the server had it, and the transfer ended meanwhile."""
    receipt = ReceiptReported(transfer_id=TRANSFER, outcome=outcome, bytes=0)  # type: ignore[arg-type]
    place.left(Line(receipt=receipt))
    assert await place.told() == receipt


async def test_a_file_that_has_its_name_is_delivered(place: Place) -> None:
    """The process was killed before it wrote the receipt."""
    place.left(Line(naming="a.bin"))
    (place.folder / "a.bin").hardlink_to(place.part)
    receipt = await place.told()
    assert (receipt.outcome, receipt.stored_as) == ("delivered", "a.bin")
    assert (place.folder / "a.bin").read_bytes() == CONTENT


async def test_a_name_that_was_not_taken_is_none(place: Place) -> None:
    """The process was killed before that, and the name is another file's."""
    place.left(Line(naming="a.bin"))
    (place.folder / "a.bin").write_bytes(CONTENT)
    assert (await place.told()).outcome == "discarded"
    assert not place.part.exists()


async def test_on_a_full_disk_it_is_removed_all_the_same(place: Place) -> None:
    """That makes room."""
    journal = place.left()
    journal.path.unlink()
    journal.path.symlink_to("/dev/full")
    assert (await place.told()).outcome == "discarded"
    assert not place.part.exists()


async def test_nothing_is_confirmed_before_it_is_removed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server says it again while a thread still writes."""
    stopping, written = asyncio.Event(), asyncio.Event()

    async def run(delivery: Delivery) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopping.set()
            await written.wait()

    monkeypatch.setattr(Delivery, "run", run)
    told_with_part: list[bool] = []

    async def tell(message: Message, *, persistent: bool = True) -> None:
        told_with_part.append(place.part.exists())

    monkeypatch.setattr(place.session, "tell", tell)
    journal = place.left()
    place.deliveries.on_opened(LaneOpened(offer=journal.offer, lane="lane"))
    await asyncio.sleep(0)
    first = asyncio.create_task(place.deliveries.on_ended(ENDED))
    await asyncio.wait_for(stopping.wait(), 10)
    await place.deliveries.on_ended(ENDED)
    place.deliveries.on_opened(LaneOpened(offer=journal.offer, lane="lane"))
    written.set()
    await first
    assert isinstance(await place.events.get(), Ended)
    await asyncio.sleep(0)
    assert told_with_part == [False]


async def test_it_is_confirmed_as_often_as_the_server_asks(place: Place) -> None:
    """Also at the very moment at which the confirmation before was taken."""
    place.left()
    for _ in range(3):
        assert (await place.told()).outcome == "discarded"


async def test_a_lane_that_opens_when_a_delivery_has_just_ended_begins_another(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one can take nothing any more."""
    began: asyncio.Queue[Delivery] = asyncio.Queue()

    async def run(delivery: Delivery) -> None:
        began.put_nowait(delivery)

    monkeypatch.setattr(Delivery, "run", run)
    opened = LaneOpened(offer=place.left().offer, lane="lane")
    place.deliveries.on_opened(opened)
    first = await began.get()
    place.deliveries.on_opened(opened)
    async with asyncio.timeout(10):
        assert await began.get() is not first


async def test_what_a_killed_process_did_not_remove_goes_now(place: Place) -> None:
    """It had only noted the end."""
    place.left(Line(ended=True))
    assert (await place.told()).outcome == "discarded"
    assert not place.part.exists()
    assert isinstance(await place.events.get(), Ended)


async def test_what_cannot_be_removed_is_not_confirmed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver goes on, and the server asks again."""

    def disk_gone(part: PartFile) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(part.path))

    place.left()
    with monkeypatch.context() as broken:
        broken.setattr(PartFile, "discard", disk_gone)
        await place.deliveries.on_ended(ENDED)
    assert place.session.told_so_far() == []
    assert (await place.told()).outcome == "discarded"
    assert not place.part.exists()
    assert isinstance(await place.events.get(), Ended)


async def test_what_the_server_may_not_know_is_kept_longer(place: Place) -> None:
    """It asks for it for as long as it knows the transfer itself."""
    place.left(Line(naming="a.bin"))
    place.journals.prune(2 + KEPT_AFTER_EXPIRY_US)
    assert place.journals.get(TRANSFER) is not None
    place.journals.prune(2 + UNTOLD_KEPT_US)
    assert place.journals.get(TRANSFER) is None
