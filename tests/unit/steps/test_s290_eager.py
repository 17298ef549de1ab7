"""S290: an eager upload waits for nobody, and is cast from the spool."""

from rollcast.messages import (
    CastEnded,
    UploadCompleted,
    UploadDue,
    UploadInvited,
)
from tests.people import ALICE, BOB, CAROL
from tests.unit.steps.build import OTHER_SESSION, PIECE, SECOND, T, accept, by, file, of, one, ranges, request
from tests.unit.steps.test_clock import tick
from tests.unit.steps.test_s290_cast import (
    DEEP,
    EAGER,
    PACE_DUE,
    SHALLOW,
    UPLOAD_DUE,
    VERIFIED,
    granted,
    stored,
)
from tests.unit.steps.world import World
from workers.work import CastChunks, IntoCast, Later, MeasureLanes, OpenUpload, Outcome, VerifySpool


async def test_an_eager_upload_does_not_wait_for_answers(world: World) -> None:
    """Nor for lanes, which do not hear it."""
    outcomes = await world.asking(EAGER)
    assert granted(outcomes) == [[(0, PIECE)], [(PIECE, 2 * PIECE)]]
    assert not one(outcomes, OpenUpload).live
    assert granted(await stored(world, range(PIECE))) == [[(2 * PIECE, 3 * PIECE)]]


async def test_an_eager_sender_may_leave_before_the_cast(world: World) -> None:
    """The spool has all; nothing is cast before the list is made."""
    await world.asking(EAGER)
    await stored(world, range(300))
    outcomes = await world.tell(VERIFIED)
    assert of(outcomes, UploadCompleted)
    assert not of(outcomes, IntoCast)
    assert not of(outcomes, CastChunks)


async def eager_cast(world: World) -> list[Outcome]:
    """An eager transfer of 300 chunks whose cast begins."""
    await world.asking(EAGER)
    await stored(world, range(300))
    await world.tell(VERIFIED)
    return await world.settle(by(BOB, accept()), by(CAROL, accept()))


async def test_an_eager_cast_goes_in_pieces(world: World) -> None:
    """Each chunk once, the next piece when most lanes are not deep, then its end."""
    outcomes = await eager_cast(world)
    casts = [ranges(outcomes)]
    while not of(outcomes, CastEnded):
        assert of(outcomes, MeasureLanes)
        outcomes = await world.tell(SHALLOW)
        casts.append(ranges(outcomes))
    assert casts == [[(0, 64)], [(64, 128)], [(128, 192)], [(192, 256)], [(256, 300)]]
    assert of(outcomes, IntoCast) == [IntoCast(ALICE, T, CastEnded(transfer_id=T), None)]
    assert await world.tell(SHALLOW) == []


async def test_an_eager_cast_waits_while_lanes_are_deep(world: World) -> None:
    """The broker never holds more than a bounded part of the file."""
    await eager_cast(world)
    outcomes = await world.tell(DEEP)
    assert ranges(outcomes) == []
    assert of(outcomes, Later)
    world.pass_time(SECOND)
    assert one(await world.tell(PACE_DUE), MeasureLanes).held >= SECOND
    assert one(await world.tell(SHALLOW), MeasureLanes).held == 0


async def test_an_eager_cast_that_stands_still_goes_on(world: World) -> None:
    """Whatever was lost, the clock's prompt brings it on."""
    await eager_cast(world)
    assert await world.tell(UPLOAD_DUE) == []
    world.pass_time(6 * SECOND)
    assert of(await world.tell(UPLOAD_DUE), MeasureLanes)
    assert ranges(await world.tell(SHALLOW)) == [(64, 128)]


async def test_an_eager_empty_file(world: World) -> None:
    """It is verified at once, and its cast ends when the lanes are open."""
    outcomes = await world.asking(request(upload="eager", file=file(size=0)))
    assert of(outcomes, VerifySpool)
    assert of(await world.tell(VERIFIED), UploadCompleted)
    outcomes = await world.settle(by(BOB, accept()), by(CAROL, accept()))
    assert of(outcomes, CastEnded)
    assert ranges(outcomes) == []


async def test_a_dry_run_uploads_nothing(world: World) -> None:
    """Neither by the clock, nor for a sender that was started again."""
    await world.asking(request(upload="eager", dry_run=True))
    world.pass_time(6 * SECOND)
    assert UploadDue not in {type(published.message) for published in await tick(world)}
    again = await world.settle(by(ALICE, request(upload="eager", dry_run=True, session=OTHER_SESSION)))
    assert not of(again, UploadInvited)
