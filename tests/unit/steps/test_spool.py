"""The `spool` pool: chunks are checked, stored, written down, and acknowledged."""

import asyncio
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from rollcast.errors import Transient
from rollcast.messages import ChunksSpooled, SourceDiffered
from rollcast.states import Transfer
from tests.people import ALICE, MALLORY, SERVER_USER, everybodys
from tests.unit.steps.build import OTHER_T, T, file, request
from tests.unit.steps.measured import counting
from tests.unit.steps.spool_pool import CHUNK, LAST, Chunk, Pool
from tests.unit.steps.world import World
from workers.spool.chunk_checks import ENDED, UNKNOWN_TRANSFER
from workers.spool.store import Store


async def test_chunks_are_stored_and_told(world: World, pool: Pool) -> None:
    """A batch in one transaction and one message."""
    assert await pool.take(Chunk(0), Chunk(2, LAST)) == ["ack", "ack"]
    assert pool.files() == {f"{T}/0", f"{T}/2"}
    assert pool.told == [ChunksSpooled(transfer_id=T, count=2)]
    assert (await world.transfer()).spooled == 2


async def test_a_chunk_that_comes_again_is_told_again(world: World, pool: Pool) -> None:
    """The worker may have died before it told; the count stands."""
    await pool.take(Chunk(1))
    assert await pool.take(Chunk(1), Chunk(1)) == ["ack", "ack"]
    assert pool.told[1:] == [ChunksSpooled(transfer_id=T, count=0)]
    assert (await world.transfer()).spooled == 1


async def test_another_digest_means_that_the_source_changed(pool: Pool) -> None:
    """Of any chunk."""
    await pool.take(Chunk(1))
    assert await pool.take(Chunk(1, b"g" * CHUNK)) == ["ack"]
    assert pool.told[1:] == [SourceDiffered(transfer_id=T, index=1)]


async def test_a_chunk_that_comes_twice_at_once_and_differs(world: World, pool: Pool) -> None:
    """In one batch as well, and the first digest stands."""
    assert await pool.take(Chunk(1), Chunk(0), Chunk(1, b"g" * CHUNK)) == ["ack", "ack", "ack"]
    assert pool.told == [SourceDiffered(transfer_id=T, index=1)]
    assert (await world.transfer()).spooled == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"user_id": MALLORY, "routing_key": f"{MALLORY}.{T}"},
        {"user_id": MALLORY},
        {"user_id": None},
        {"routing_key": f"{ALICE}.{OTHER_T}"},
        {"headers": {"transfer": OTHER_T}},
        {"headers": {"index": "0"}},
        {"headers": {"index": -1}},
        {"headers": {"blake3": None}},
        {"headers": {"blake3": "0" * 64}},
        {"index": 3},
        {"index": 2**40},
        {"index": 2},
        {"body": b""},
        {"body": LAST},
    ],
    ids=lambda wrong: everybodys(str(wrong)),
)
async def test_a_wrong_chunk_is_dropped(world: World, pool: Pool, wrong: dict[str, Any]) -> None:
    """It is acknowledged, and ends nothing."""
    assert await pool.take(Chunk(**wrong), Chunk(1)) == ["ack", "ack"]
    assert pool.files() == {f"{T}/1"}
    assert await world.state() == Transfer.CASTING


async def test_a_server_may_upload_for_the_sender(pool: Pool) -> None:
    """As it casts."""
    assert await pool.take(Chunk(0, user_id=SERVER_USER)) == ["ack"]
    assert pool.files() == {f"{T}/0"}


async def test_chunks_that_come_after_the_end_leave_nothing(world: World, pool: Pool) -> None:
    """Whether the spooler knew the transfer before or not."""
    await pool.take(Chunk(0))
    await world.change(state=Transfer.CANCELLED)
    assert await pool.take(Chunk(1), Chunk(2, LAST)) == ["ack", "ack"]
    assert await pool.take(Chunk(1)) == ["ack"]
    assert pool.files() == set()
    assert (await world.transfer()).spooled == 1


async def test_chunks_that_come_after_the_end_are_no_fault(world: World, pool: Pool) -> None:
    """All may have their receipts before the upload is stored. Those of no transfer at all are worth a warning."""
    await world.change(state=Transfer.COMPLETED)
    nobodys = Chunk(0, routing_key=f"{ALICE}.{OTHER_T}", headers={"transfer": OTHER_T})
    more = counting()
    with capture_logs() as lines:
        await pool.take(Chunk(1), nobodys)
    told = {line["reason"]: line["log_level"] for line in lines}
    assert told == {ENDED: "debug", UNKNOWN_TRANSFER: "warning"}
    assert [more("rollcast_chunks_refused_total", reason=reason) for reason in told] == [1, 1]


class Removed(Store):
    """Its transfer ends while a chunk is being stored, and the folder is removed under it."""

    def __init__(self, pool: Pool, world: World) -> None:
        super().__init__(f"file://{pool.folder}")
        self._world = world

    async def put(self, transfer_id: str, index: int, chunk: bytes) -> None:
        """As a folder answers then."""
        await self._world.change(state=Transfer.COMPLETED)
        raise Transient("No such file or directory")


async def test_a_chunk_whose_folder_is_removed_under_it_is_late(world: World, pool: Pool) -> None:
    """It does not come again, and nobody is warned."""
    with capture_logs() as lines:
        assert await Pool(world, pool.folder, Removed(pool, world)).take(Chunk(1)) == ["ack"]
    assert [(line["reason"], line["log_level"]) for line in lines] == [(ENDED, "debug")]


async def test_what_a_dead_worker_stored_of_an_ended_transfer_goes(world: World, pool: Pool) -> None:
    """Its chunk comes again, to one that knows that nothing is kept any more."""
    await pool.take(Chunk(0))
    assert pool.files()
    await world.change(state=Transfer.CANCELLED)
    successor = Pool(world, pool.folder)
    assert await successor.take(Chunk(0, redelivered=True)) == ["ack"]
    assert pool.files() == set()


async def test_without_the_broker_chunks_go_back(pool: Pool) -> None:
    """They are stored, but nobody knows."""
    pool.away = True
    assert await pool.take(Chunk(0)) == ["nack"]


class Returning(Chunk):
    """A chunk that is delivered again when it goes back, and notes when."""

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self.came_back: asyncio.Queue[float] = asyncio.Queue()
        self.stored = asyncio.Event()
        self._pool = pool

    async def ack(self) -> None:
        """It is stored."""
        self.stored.set()

    async def nack(self, requeue: bool) -> None:
        """It goes back, and comes again at once."""
        self.came_back.put_nowait(time.monotonic())
        await self._pool.deliver(self)


def obstruct(pool: Pool) -> Path:
    """Keep the spooler from storing the chunks of the transfer, by a file."""
    pool.folder.mkdir(exist_ok=True)
    obstacle = pool.folder / T
    obstacle.write_text("in the way")
    return obstacle


async def test_what_cannot_be_stored_comes_again_ever_more_seldom(pool: Pool) -> None:
    """A queue delivers at once what it was given back; it is stored when there is room again."""
    obstacle, letter = obstruct(pool), Returning(pool)
    async with asyncio.timeout(30), pool.running():
        times = [time.monotonic()]
        await pool.deliver(letter)
        times += [await letter.came_back.get() for _ in range(3)]
        obstacle.unlink()
        await letter.stored.wait()
    pauses = [after - before for before, after in pairwise(times)]
    assert all(pause > least for pause, least in zip(pauses, (0.45, 0.65, 1.35), strict=True)), pauses
    assert pool.files() == {f"{T}/0"}


async def test_a_worker_that_is_to_end_does_not_pause(pool: Pool) -> None:
    """What it cannot store goes back at once, and another one may try."""
    obstacle = obstruct(pool)
    async with asyncio.timeout(3):
        for _ in range(6):
            assert await pool.take(Chunk(0)) == ["nack"]
    obstacle.unlink()
    assert await pool.take(Chunk(0)) == ["ack"]


class Uneven(Store):
    """Refuses the first chunk at once, takes long over others, and deletes nothing."""

    async def put(self, transfer_id: str, index: int, chunk: bytes) -> None:
        """As such a store does."""
        if index == 0:
            raise Transient("503")
        await asyncio.sleep(0.1)
        await super().put(transfer_id, index, chunk)

    async def delete(self, transfer_id: str) -> None:
        """As without the right to list."""
        raise Transient("403")


def uneven_beside(pool: Pool, world: World) -> Pool:
    """A spooler on the same folder, with such a store."""
    return Pool(world, pool.folder, Uneven(f"file://{pool.folder}"))


async def test_what_cannot_be_stored_holds_nothing_up(world: World, pool: Pool) -> None:
    """It alone goes back, when it is sure what became of the others."""
    uneven = uneven_beside(pool, world)
    assert await uneven.take(Chunk(0), Chunk(1)) == ["nack", "ack"]
    assert uneven.files() == {f"{T}/1"}
    assert (await world.transfer()).spooled == 1


@pytest.mark.parametrize("redelivered", [False, True])
async def test_what_cannot_be_deleted_holds_nothing_up(
    world: World, pool: Pool, *, redelivered: bool
) -> None:
    """Chunks of a transfer that has ended go back, until nothing is left of it; those of another one are stored."""
    uneven = uneven_beside(pool, world)
    await world.asking(request(transfer_id=OTHER_T, file=file(size=3 * CHUNK), chunk_size=CHUNK))
    if not redelivered:
        await uneven.take(Chunk(1))
    await world.change(state=Transfer.CANCELLED)
    others = Chunk(1, routing_key=f"{ALICE}.{OTHER_T}", headers={"transfer": OTHER_T})
    late = Chunk(2, LAST, redelivered=redelivered)
    assert await uneven.take(late, others) == ["nack", "ack"]
    assert await pool.take(Chunk(2, LAST, redelivered=True)) == ["ack"]
    assert uneven.files() == {f"{OTHER_T}/1"}


async def test_two_transfers_in_a_batch(world: World, pool: Pool) -> None:
    """Each is told of its own."""
    await world.asking(request(transfer_id=OTHER_T, file=file(size=CHUNK), chunk_size=CHUNK))
    other = Chunk(0, routing_key=f"{ALICE}.{OTHER_T}", headers={"transfer": OTHER_T})
    await pool.take(other, Chunk(0))
    assert {(m.transfer_id, m.count) for m in pool.told if isinstance(m, ChunksSpooled)} == {
        (T, 1),
        (OTHER_T, 1),
    }


@pytest.mark.parametrize("name", ["", ".", "..", "/tmp", f"./{T}", f"{T}/0", "a\0b", T.upper(), f"{T}\n"])
async def test_a_chunk_names_a_transfer_and_no_file(world: World, pool: Pool, name: str) -> None:
    """Delivered again it would be cleaned up after, whoever sent it."""
    await pool.take(Chunk(0))
    hostile: dict[str, Any] = {
        "user_id": MALLORY,
        "routing_key": f"{MALLORY}.{OTHER_T}",
        "headers": {"transfer": name},
    }
    assert await pool.take(Chunk(1, redelivered=True, **hostile)) == ["ack"]
    assert pool.files() == {f"{T}/0"}


@pytest.mark.parametrize("hostile", [{"user_id": MALLORY}, {"routing_key": f"{MALLORY}.{T}"}])
async def test_only_a_chunk_of_its_sender_is_cleaned_up_after(
    world: World, pool: Pool, hostile: dict[str, Any]
) -> None:
    """What is left of an ended transfer by anybody else's word stays."""
    await pool.take(Chunk(0))
    await world.change(state=Transfer.CANCELLED)
    assert await pool.take(Chunk(1, redelivered=True, **hostile)) == ["ack"]
    assert pool.files() == {f"{T}/0"}
    assert await pool.take(Chunk(1, redelivered=True)) == ["ack"]
    assert pool.files() == set()


async def test_a_transfer_that_begins_later_is_known_then(world: World, pool: Pool) -> None:
    """Chunks that came before it are no reason not to take its own."""
    early = Chunk(0, routing_key=f"{ALICE}.{OTHER_T}", headers={"transfer": OTHER_T})
    assert await pool.take(early) == ["ack"]
    assert pool.files() == set()
    await world.asking(request(transfer_id=OTHER_T, file=file(size=CHUNK), chunk_size=CHUNK))
    await pool.take(Chunk(0, routing_key=f"{ALICE}.{OTHER_T}", headers={"transfer": OTHER_T}))
    assert pool.files() == {f"{OTHER_T}/0"}


class Faulty(Store):
    """Has a fault."""

    async def put(self, transfer_id: str, index: int, chunk: bytes) -> None:
        """As nobody has thought of."""
        if index == 0:
            raise ZeroDivisionError
        await super().put(transfer_id, index, chunk)


async def test_a_fault_costs_a_chunk_and_not_the_pool(world: World, pool: Pool) -> None:
    """Given back it would end each worker that takes it; dropped, it is asked for again."""
    faulty = Pool(world, pool.folder, Faulty(f"file://{pool.folder}"))
    assert await faulty.take(Chunk(0), Chunk(1)) == ["ack", "ack"]
    assert faulty.files() == {f"{T}/1"}
    assert (await world.transfer()).spooled == 1


async def test_chunks_of_an_unknown_transfer_are_dropped(world: World, tmp_path: Path) -> None:
    """Nothing is stored that nobody would clean up."""
    pool = Pool(world, tmp_path / "spool")
    assert await pool.take(Chunk(0)) == ["ack"]
    assert pool.files() == set()
