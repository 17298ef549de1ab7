"""A transfer that was cut off: what is there of it goes, and what is whole is said to be so."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from blake3 import blake3

from rollcast.events import ReceiverEvent
from rollcast.messages import ReceiptReported, Register, TransferEnded
from rollcast.messages.values import Hashes
from rollcast.reasons import Code
from rollcast.receiving.deliveries import Deliveries
from rollcast.receiving.fetch import Surroundings
from rollcast.receiving.journal import Journal, Line
from rollcast.receiving.journals import KEPT_AFTER_EXPIRY_US, UNTOLD_KEPT_US, Journals
from rollcast.registration import Registration
from rollcast.states import Transfer
from rollcast.tasks import Stream, Tasks
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
        self._session = FakeSession("bob@acme")
        events: Stream[ReceiverEvent] = Stream()
        registration = Registration(self._session, Register, lambda _: None)
        around = Surroundings(
            session=self._session, registration=registration, journals=journals, events=events
        )
        self.tasks = Tasks(events)
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
        message = await asyncio.wait_for(self._session.told.get(), 10)
        assert isinstance(message, ReceiptReported)
        return message


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """An empty folder."""
    with Journals(tmp_path, "bob@acme") as journals:
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


async def test_what_the_server_may_not_know_is_kept_longer(place: Place) -> None:
    """It asks for it for as long as it knows the transfer itself."""
    place.left(Line(naming="a.bin"))
    place.journals.prune(2 + KEPT_AFTER_EXPIRY_US)
    assert place.journals.get(TRANSFER) is not None
    place.journals.prune(2 + UNTOLD_KEPT_US)
    assert place.journals.get(TRANSFER) is None
