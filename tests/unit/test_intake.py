"""What comes through a lane."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast.backoff import Silence
from rollcast.chunks import Drop, IndexSet, Layout
from rollcast.codec import encode
from rollcast.messages import CastEnded
from rollcast.receiving.intake import Intake
from rollcast.receiving.journal import Journal
from rollcast.receiving.partfile import PartFile
from rollcast.receiving.repair import Repair
from tests.deliveries import FakeDelivery
from tests.people import ALICE, MALLORY
from tests.unit.fakes import chunk
from tests.unit.offers import TRANSFER, offer

SIZE = 65_536 * 3 + 5
CONTENT = os.urandom(SIZE)
LAYOUT = Layout(SIZE, 65_536)


class Lane:
    """An intake, and what it works with."""

    def __init__(self, folder: Path) -> None:
        self.part = PartFile(folder / "part")
        self.part.open()
        self.had = IndexSet(LAYOUT.count)
        self.journal = Journal.create(folder / "json", offer(size=SIZE))
        self.asked: asyncio.Queue[list[tuple[int, int]]] = asyncio.Queue()
        silence = Silence()
        self.repair = Repair(self.had, LAYOUT.chunk_size, silence, self.asked.put)
        self.intake = Intake(
            self.journal.offer, LAYOUT, self.part, self.journal, self.had, silence, self.repair
        )

    async def take(self, deliveries: Sequence[FakeDelivery]) -> None:
        """Handle them side by side, as a consumer does."""
        await asyncio.gather(*(self.intake.on_delivery(one.delivery()) for one in deliveries))


@pytest.fixture
async def lane(tmp_path: Path) -> Lane:
    """A lane that nothing has come through."""
    return Lane(tmp_path)


def piece(index: int) -> FakeDelivery:
    """A chunk of the file."""
    return chunk(index, CONTENT[LAYOUT.offset(index) : LAYOUT.offset(index) + LAYOUT.length(index)])


@given(order=st.permutations([0, 1, 2, 3, 0, 2, 3]))
def test_any_order_and_repetition_make_the_file(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    """All are acknowledged, each is stored and written down once."""
    asyncio.run(_deliver(tmp_path_factory.mktemp("lane"), order))


async def _deliver(folder: Path, order: list[int]) -> None:
    lane = Lane(folder)
    deliveries = [piece(index) for index in order]
    await lane.take(deliveries)
    await asyncio.wait_for(lane.intake.whole, 5)
    lane.part.close()
    lane.journal.close()
    assert lane.part.path.read_bytes() == CONTENT
    assert [one.settled for one in deliveries] == [["ack"]] * len(order)
    assert sorted(lane.journal.chunks()) == [(0, 1), (1, 2), (2, 3), (3, 4)]


async def test_wrong_chunks_are_dropped_and_counted(lane: Lane) -> None:
    """Each reason has its count, none stores anything, all are acknowledged."""
    good = piece(1)
    wrong = [
        chunk(1, good.body, user=MALLORY),
        chunk(1, good.body, user=None),
        chunk(4, good.body),
        chunk(1, good.body[:-1]),
        FakeDelivery(good.body[::-1], ALICE, headers=good.headers),
        FakeDelivery(good.body, ALICE, headers={**good.headers, "transfer": "f" * 32}),
        FakeDelivery(good.body, ALICE, headers={"index": "1"}),
    ]
    await lane.take(wrong)
    assert lane.intake.dropped == {
        Drop.WRONG_USER: 2,
        Drop.WRONG_INDEX: 1,
        Drop.WRONG_LENGTH: 1,
        Drop.WRONG_DIGEST: 1,
        Drop.WRONG_TRANSFER: 2,
    }
    assert len(lane.had) == 0
    assert [one.settled for one in wrong] == [["ack"]] * len(wrong)
    await lane.take([good])
    assert 1 in lane.had


async def test_a_server_may_cast_for_the_sender(lane: Lane) -> None:
    """Repaired chunks come from a server's user."""
    await lane.take([chunk(3, piece(3).body, user="server-main")])
    assert 3 in lane.had


async def test_a_disk_that_fails_is_told(lane: Lane) -> None:
    """And the chunk stays with the broker."""
    lane.part.close()
    delivery = piece(0)
    await lane.take([delivery])
    with pytest.raises(OSError, match="Bad file descriptor"):
        await lane.intake.whole
    assert delivery.settled == []


async def test_the_end_of_the_cast_starts_the_repair(lane: Lane) -> None:
    """The first request names exactly what is missing."""
    repairing = asyncio.create_task(lane.repair.run())
    await lane.take([piece(0), piece(2), FakeDelivery(b"\xc1", user_id="server-main")])
    assert lane.asked.empty()
    end = encode(CastEnded(transfer_id=TRANSFER))
    await lane.take([FakeDelivery(end, user_id=MALLORY), FakeDelivery(end, user_id="server-main")])
    assert await asyncio.wait_for(lane.asked.get(), 1) == [(1, 2), (3, 4)]
    repairing.cancel()
