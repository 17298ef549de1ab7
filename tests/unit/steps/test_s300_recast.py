"""S300: what one of many lanes has lost is cast again to all, for the others have probably lost it, too."""

import pytest

from rollcast.messages import CastEnded, RepairDue
from rollcast.messages.values import Range
from tests.people import ACME, ALICE, GLOBEX
from tests.unit.steps.build import MINUTE, SECOND, MiB, T, at, by, delivered, file, ranges, request
from tests.unit.steps.world import World
from workers.work import CastChunks, IntoCast, Outcome

MANY = [f"r{number}@{domain}" for number in range(4) for domain in (ACME, GLOBEX)]
FIRST, SECOND_ONE = MANY[:2]
ENDED = CastEnded(transfer_id=T)


async def cast_to_many(world: World) -> None:
    """A transfer of 100 chunks to eight receivers whose cast has ended."""
    await world.account(*MANY)
    await world.casting(request(MANY, file=file(size=100 * MiB)))
    await world.change(cast_ended_at=1)


def due(receiver: str, *wanted: Range, lacking: int = 0) -> RepairDue:
    """A receiver's server asks for chunks."""
    return RepairDue(transfer_id=T, receiver=receiver, ranges=list(wanted), lacking=lacking)


async def repair(world: World, receiver: str, *wanted: Range) -> list[Outcome]:
    """What a request brings about."""
    return await world.tell(at(ACME, due(receiver, *wanted)))


def to_all(first: int, stop: int) -> list[Outcome]:
    """A re-cast with its end behind it."""
    return [CastChunks(ALICE, T, [(first, stop)], None), IntoCast(ALICE, T, ENDED, None)]


def to_one(receiver: str, *wanted: Range) -> list[Outcome]:
    """A repair with its end behind it."""
    return [CastChunks(ALICE, T, list(wanted), receiver), IntoCast(ALICE, T, ENDED, receiver)]


async def test_over_a_tenth_is_cast_again_to_all(world: World) -> None:
    """From the first chunk that is missing to the last, since others miss those beside them."""
    await cast_to_many(world)
    assert await repair(world, FIRST, (30, 36), (40, 45)) == to_all(30, 45)


@pytest.mark.parametrize(
    "wanted",
    [[(30, 40)], [(30, 35)] * 9, [(90, 200)], [(0, 5), (70, 76)]],
    ids=["a tenth", "the same again", "behind the end", "not within a piece"],
)
async def test_not_more_than_a_tenth_is_repaired(world: World, wanted: list[Range]) -> None:
    """In the lane that lost it, counting what is within the file, and within one piece."""
    await cast_to_many(world)
    outcomes = await repair(world, FIRST, *wanted)
    assert [cast.receiver for cast in outcomes if isinstance(cast, CastChunks | IntoCast)] == [FIRST, FIRST]


async def test_who_misses_nothing_is_told_the_end(world: World) -> None:
    """As who asks for what is behind the end of the file."""
    await cast_to_many(world)
    for wanted in ((0, 0), (100, 120)):
        assert await repair(world, FIRST, wanted) == [IntoCast(ALICE, T, ENDED, FIRST)]


async def test_a_recast_is_a_piece_at_most(world: World) -> None:
    """In whatever order the ranges come."""
    await cast_to_many(world)
    assert await repair(world, FIRST, (80, 90), (10, 60)) == to_all(10, 74)


async def test_what_one_request_may_not_ask_for_counts_too(world: World) -> None:
    """Of a large file a request asks for the first 64 MiB only, which may be less than a tenth."""
    await cast_to_many(world)
    assert await world.tell(at(ACME, due(FIRST, (10, 18), lacking=11))) == to_all(10, 18)
    assert await world.tell(at(ACME, due(FIRST, (40, 48), lacking=10))) == to_one(FIRST, (40, 48))


async def test_with_few_lanes_open_each_is_repaired(world: World) -> None:
    """One of eight has the file, so seven are left."""
    await cast_to_many(world)
    await world.settle(by(MANY[7], delivered(100 * MiB)))
    assert await repair(world, FIRST, (30, 50)) == to_one(FIRST, (30, 50))


async def test_before_the_cast_has_ended_nothing_is_cast_again(world: World) -> None:
    """What is missing may still be on its way to the others."""
    await cast_to_many(world)
    await world.change(cast_ended_at=None)
    assert await repair(world, FIRST, (30, 50)) == [CastChunks(ALICE, T, [(30, 50)], FIRST)]


async def test_others_get_what_was_cast_again_to_all(world: World) -> None:
    """They are told the end, and ask again if something is still missing."""
    await cast_to_many(world)
    batch = [at(ACME, due(FIRST, (30, 50))), at(ACME, due(SECOND_ONE, (31, 40), (45, 50)))]
    assert await world.tell(*batch) == [*to_all(30, 50), IntoCast(ALICE, T, ENDED, SECOND_ONE)]
    world.pass_time(9 * SECOND)
    assert await repair(world, SECOND_ONE, (30, 50)) == [IntoCast(ALICE, T, ENDED, SECOND_ONE)]


async def test_what_the_recast_did_not_cover_is_repaired(world: World) -> None:
    """That alone, on either side of it, and even if it is a single chunk of many."""
    await cast_to_many(world)
    await repair(world, FIRST, (30, 50))
    assert await repair(world, SECOND_ONE, (40, 51)) == to_one(SECOND_ONE, (50, 51))
    assert await repair(world, SECOND_ONE, (29, 30)) == to_one(SECOND_ONE, (29, 30))
    everything = (0, 100)
    assert await repair(world, SECOND_ONE, everything) == to_one(SECOND_ONE, (0, 30), (50, 84))


async def test_what_is_missing_after_the_recast_is_repaired(world: World) -> None:
    """From ten seconds on the re-cast is no answer any more, and within a minute there is no other one."""
    await cast_to_many(world)
    await repair(world, FIRST, (30, 50))
    world.pass_time(11 * SECOND)
    assert await repair(world, FIRST, (30, 50)) == to_one(FIRST, (30, 50))
    world.pass_time(MINUTE)
    assert ranges(await repair(world, FIRST, (60, 80))) == [(60, 80)]
    assert (await world.transfer()).recast_first == 60
