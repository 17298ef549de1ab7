"""S300: missing chunks go again into one lane."""

import pytest

from rollcast.errors import IdentityError
from rollcast.messages import CancelRequested, CastEnded, ChunksMissing, RepairDue
from rollcast.states import Transfer
from tests.people import ACME, ALICE, BOB, CAROL, MALLORY
from tests.unit.steps.build import OTHER_T, T, at, by, delivered, of, one, ranges, request, whereto
from tests.unit.steps.world import World
from workers.work import CastChunks, IntoCast, Outcome

MISSING = ChunksMissing(transfer_id=T, ranges=[(0, 3), (7, 8)], lacking=9)


async def repair(world: World, *wanted: tuple[int, int]) -> list[Outcome]:
    """Carol's server asks for chunks."""
    due = RepairDue(transfer_id=T, receiver=CAROL, ranges=list(wanted))
    return await world.tell(at(ACME, due))


async def test_a_request_is_forwarded_to_the_senders_server(world: World) -> None:
    """With the address that the broker has verified."""
    await world.casting(request())
    outcomes = await world.tell(by(CAROL, MISSING))
    assert len(outcomes) == 1
    assert whereto(outcomes, RepairDue) == [ACME]
    assert one(outcomes, RepairDue) == RepairDue(
        transfer_id=T, receiver=CAROL, ranges=MISSING.ranges, lacking=9
    )


async def test_whoever_was_not_invited_gets_nothing(world: World) -> None:
    """Nor does anybody of a transfer that is not known."""
    await world.casting(request())
    for intruder in (by(MALLORY, MISSING), by(BOB, ChunksMissing(transfer_id=OTHER_T, ranges=[]))):
        with pytest.raises(IdentityError):
            await world.tell(intruder)


async def test_who_has_not_accepted_gets_nothing(world: World) -> None:
    """A receiver that was asked is not on the list."""
    await world.asking(request())
    assert await world.tell(by(CAROL, MISSING)) == []


async def test_who_has_the_file_gets_nothing_again(world: World) -> None:
    """A request that was overtaken by the receipt is void."""
    await world.casting(request())
    await world.tell(by(CAROL, delivered()))
    assert await world.tell(by(CAROL, MISSING)) == []


async def test_chunks_go_into_the_lane_of_who_misses_them(world: World) -> None:
    """Before the end of the cast nothing follows them."""
    await world.casting(request())
    outcomes = await repair(world, (0, 3), (7, 8))
    assert outcomes == [CastChunks(ALICE, T, [(0, 3), (7, 8)], CAROL)]


async def test_after_the_cast_its_end_follows_the_repair(world: World) -> None:
    """So the receiver can ask again, if something was lost again."""
    await world.casting(request())
    await world.change(cast_ended_at=1)
    outcomes = await repair(world, (0, 3))
    assert of(outcomes, IntoCast) == [IntoCast(ALICE, T, CastEnded(transfer_id=T), CAROL)]


@pytest.mark.parametrize(
    ("wanted", "cast"),
    [
        ([(0, 300)], [(0, 64)]),
        ([(0, 40), (100, 140)], [(0, 40), (100, 124)]),
        ([(0, 64)] * 1024, [(0, 64)]),
        ([(290, 2**31 - 1)], [(290, 300)]),
        ([(300, 400), (5, 6)], [(5, 6)]),
        ([(9, 3), (5, 5)], []),
        ([], []),
    ],
)
async def test_a_repair_is_a_piece_at_most(
    world: World, wanted: list[tuple[int, int]], cast: list[tuple[int, int]]
) -> None:
    """Whatever a receiver asks for, within the file."""
    await world.casting(request())
    assert ranges(await repair(world, *wanted)) == cast


async def test_what_is_not_cast_is_not_repaired(world: World) -> None:
    """Before the list is made, and after the end."""
    await world.asking(request())
    assert await repair(world, (0, 1)) == []
    await world.change(state=Transfer.COMPLETED)
    assert await repair(world, (0, 1)) == []


async def test_of_what_is_cut_off_nothing_is_sent_again(world: World) -> None:
    """The request was under way when the sender took its transfer back."""
    await world.casting(request())
    await world.tell(by(ALICE, CancelRequested(transfer_id=T)))
    assert await repair(world, (0, 3)) == []
