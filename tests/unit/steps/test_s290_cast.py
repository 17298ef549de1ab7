"""S290: the upload is granted piece by piece, the spool is cast, and its end announced."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from rollcast.codec import decode, encode
from rollcast.messages import (
    CancelRequested,
    CastEnded,
    ChunksSpooled,
    CloseDue,
    LanesDue,
    LanesMeasured,
    LanesOpened,
    PaceDue,
    SourceDiffered,
    SpoolVerified,
    UploadCompleted,
    UploadDue,
    UploadInvited,
)
from rollcast.messages.values import Hashes
from rollcast.reasons import Code
from rollcast.states import Receiver, Transfer
from tests.people import ACME, ALICE, BOB, CAROL, GLOBEX
from tests.unit.steps.build import (
    PIECE,
    RIGHT,
    SECOND,
    SESSION,
    WRONG,
    MiB,
    T,
    accept,
    at,
    by,
    file,
    of,
    one,
    request,
    whereto,
)
from tests.unit.steps.world import World
from workers.work import DropCast, IntoCast, Later, MeasureLanes, OpenUpload, Outcome, ToStep, VerifySpool

UPLOAD_DUE = at(ACME, UploadDue(transfer_id=T))
SHALLOW = at(ACME, LanesMeasured(transfer_id=T, deep=False))
DEEP = at(ACME, LanesMeasured(transfer_id=T, deep=True))
PACE_DUE = at(ACME, PaceDue(transfer_id=T))
VERIFIED = at(ACME, SpoolVerified(transfer_id=T, hash=RIGHT))
EAGER = request(upload="eager")


def granted(outcomes: Iterable[Outcome]) -> list[list[tuple[int, int]]]:
    """What the sender is invited to upload, message by message."""
    return [message.ranges for message in of(outcomes, UploadInvited)]


async def stored(world: World, indexes: Iterable[int]) -> list[Outcome]:
    """The spool has stored chunks, and tells of it."""
    await world.spool(indexes)
    return await world.tell(at(ACME, ChunksSpooled(transfer_id=T, count=1)))


async def accepted(world: World, **fields: Any) -> dict[str, LanesOpened]:
    """A transfer whose list is made; what the servers will say when its lanes are open."""
    await world.asking(request(**fields))
    outcomes = await world.tell(by(BOB, accept()), by(CAROL, accept()))
    for outcome in outcomes:
        if isinstance(outcome, ToStep) and not isinstance(outcome.message, LanesDue):
            outcomes += await world.tell(at(outcome.domain, outcome.message))
    domains = {BOB: ACME, CAROL: GLOBEX}
    return {a: LanesOpened(transfer_id=T, domain=domain, receivers=[a]) for a, domain in domains.items()}


async def test_two_pieces_are_granted_when_all_lanes_are_open(world: World) -> None:
    """The spool and the lanes hear the upload from then on."""
    opened = await accepted(world)
    assert await world.tell(at(ACME, opened[BOB])) == []
    outcomes = await world.tell(at(ACME, opened[CAROL]))
    assert granted(outcomes) == [[(0, PIECE)], [(PIECE, 2 * PIECE)]]
    assert one(outcomes, OpenUpload) == OpenUpload(ALICE, T, live=True)
    assert set(whereto(outcomes, UploadInvited)) == {(ALICE, SESSION)}
    assert set((await world.sent_states()).values()) == {Receiver.RECEIVING}


async def test_lanes_opened_again_grant_nothing_more(world: World) -> None:
    """Grants follow the spool, not the prompts."""
    opened = await accepted(world)
    await world.tell(*(at(ACME, message) for message in opened.values()))
    assert await world.tell(*(at(ACME, message) for message in opened.values())) == []


async def test_the_cast_does_not_wait_long_for_late_lanes(world: World) -> None:
    """After three seconds the clock's prompt begins it without them."""
    await world.stop_clock()
    opened = await accepted(world)
    await world.tell(at(ACME, opened[BOB]))
    world.pass_time(2 * SECOND)
    assert await world.tell(UPLOAD_DUE) == []
    world.pass_time(SECOND)
    assert granted(await world.tell(UPLOAD_DUE)) == [[(0, PIECE)], [(PIECE, 2 * PIECE)]]


async def test_lanes_are_opened_for_the_list_only(world: World) -> None:
    """A word that comes before the list is made, or about others, opens nothing."""
    await world.asking(request())
    await world.tell(at(ACME, LanesOpened(transfer_id=T, domain=ACME, receivers=[BOB, ALICE])))
    await world.settle(by(BOB, accept()))
    await world.tell(at(ACME, LanesOpened(transfer_id=T, domain=ACME, receivers=[BOB])))
    assert (await world.sent_states())[BOB] == Receiver.ACCEPTED


async def test_the_next_piece_is_granted_when_one_is_spooled(world: World) -> None:
    """And when most lanes are not deep."""
    await world.casting(request())
    assert await stored(world, range(PIECE - 1)) == []
    outcomes = await stored(world, [PIECE - 1])
    assert sorted(one(outcomes, MeasureLanes).receivers) == [BOB, CAROL]
    assert granted(await world.tell(SHALLOW)) == [[(2 * PIECE, 3 * PIECE)]]


async def test_one_measuring_goes_on_at_a_time(world: World) -> None:
    """However many chunks come in the meantime."""
    await world.casting(request())
    assert of(await stored(world, range(PIECE)), MeasureLanes)
    assert await stored(world, [PIECE]) == []
    await world.tell(SHALLOW)
    assert of(await stored(world, range(PIECE + 1, 2 * PIECE)), MeasureLanes)


async def test_a_second_measurement_does_not_grant_more_than_two_pieces(world: World) -> None:
    """Measurements may come twice."""
    await world.casting(request())
    await stored(world, range(PIECE))
    assert granted(await world.tell(SHALLOW, SHALLOW)) == [[(2 * PIECE, 3 * PIECE)]]
    assert granted(await world.tell(SHALLOW)) == []


async def test_deep_lanes_hold_the_upload_back(world: World) -> None:
    """They are measured again after a moment, until they are not deep any more."""
    await world.casting(request())
    await stored(world, range(PIECE))
    outcomes = await world.tell(DEEP)
    assert of(outcomes, Later) == [Later(ACME, PACE_DUE.message)]
    assert granted(outcomes) == []
    world.pass_time(SECOND)
    assert of(await world.tell(PACE_DUE), MeasureLanes)
    assert granted(await world.tell(SHALLOW)) == [[(2 * PIECE, 3 * PIECE)]]


async def test_it_is_told_how_long_deep_lanes_have_held_a_piece_back(world: World) -> None:
    """Since they were first found deep after the last piece, whoever measured how often."""
    await world.stop_clock()
    await world.casting(request())
    held = [one(await stored(world, range(PIECE)), MeasureLanes).held]
    for _ in range(2):
        await world.tell(DEEP)
        world.pass_time(SECOND)
        held.append(one(await world.tell(PACE_DUE), MeasureLanes).held)
    assert held == [0, SECOND, 2 * SECOND]
    assert granted(await world.tell(SHALLOW)) == [[(2 * PIECE, 3 * PIECE)]]
    assert one(await stored(world, range(PIECE, 2 * PIECE)), MeasureLanes).held == 0


async def test_other_lanes_are_measured_each_time(world: World) -> None:
    """The first ones on a long list may all stand still."""
    receivers = [f"r{number}@{ACME}" for number in range(40)]
    await world.account(*receivers)
    await world.casting(request(receivers))
    measured = [one(await stored(world, range(PIECE)), MeasureLanes)]
    for _ in range(20):
        world.pass_time(SECOND)
        measured.append(one(await world.tell(PACE_DUE), MeasureLanes))
    assert {len(set(one.receivers)) for one in measured} == {16}
    assert {one.piece for one in measured} == {PIECE}
    assert len({address for one in measured for address in one.receivers}) > 30


async def test_deep_lanes_are_not_measured_ever_more_often(world: World) -> None:
    """Two rounds of measuring become one again, and the clock's prompt begins none beside a living one."""
    await world.stop_clock()
    await world.casting(request())
    await stored(world, range(2 * PIECE))
    for _ in range(50):
        assert await world.tell(DEEP)
        world.pass_time(SECOND // 4)
        assert of(await world.tell(PACE_DUE, PACE_DUE), MeasureLanes)
        assert await world.tell(PACE_DUE) == []
        assert await world.tell(UPLOAD_DUE) == []


async def test_a_measuring_that_comes_to_a_standstill_is_noticed_soon(world: World) -> None:
    """However long the clock's pauses have become by then."""
    await world.casting(request())
    await stored(world, range(2 * PIECE))
    await world.change(due_at=2**60, due_wait=600 * SECOND)
    await world.tell(DEEP)
    world.pass_time(SECOND)
    assert of(await world.tell(PACE_DUE), MeasureLanes)
    transfer = await world.transfer()
    assert transfer.due_at <= transfer.measured_at + 5 * SECOND


async def test_what_a_dead_worker_opened_for_an_ended_transfer_is_closed(world: World) -> None:
    """Its message comes again, and finds that nothing is left to do but that."""
    await world.asking(request())
    await world.settle(by(ALICE, CancelRequested(transfer_id=T)))
    assert (await world.transfer()).due_at is None
    assert await world.tell(UPLOAD_DUE) == []
    assert (await world.transfer()).due_at is not None
    assert await world.tell(at(ACME, CloseDue(transfer_id=T))) == [DropCast(ALICE, T)]


async def test_a_measuring_that_was_lost_is_begun_again(world: World) -> None:
    """By the clock's prompt: no queue needs to remember it."""
    await world.casting(request())
    await stored(world, range(2 * PIECE))
    world.pass_time(6 * SECOND)
    assert of(await world.tell(UPLOAD_DUE), MeasureLanes)
    assert granted(await world.tell(SHALLOW)) == [[(2 * PIECE, 3 * PIECE)]]


async def test_the_last_grant_ends_with_the_file(world: World) -> None:
    """No chunk behind the end is asked for, and no lane measured for nothing."""
    await world.casting(request(file=file(size=100 * MiB + 1)))
    transfer = await world.transfer()
    assert (transfer.chunks, transfer.granted) == (101, 101)
    assert await stored(world, range(PIECE)) == []
    assert await world.tell(PACE_DUE) == []


async def test_a_prompt_invites_what_is_missing(world: World) -> None:
    """First upload, lost chunks and a resumed upload are one mechanism."""
    await world.casting(request())
    await world.spool([*range(10), *range(20, 2 * PIECE - 1)])
    outcomes = await world.tell(UPLOAD_DUE)
    assert granted(outcomes) == [[(10, 20), (2 * PIECE - 1, 2 * PIECE)]]
    assert one(outcomes, OpenUpload).live


async def test_a_prompt_invites_at_most_two_pieces(world: World) -> None:
    """In messages of one piece each."""
    await world.casting(request())
    assert granted(await world.tell(UPLOAD_DUE)) == [[(0, PIECE)], [(PIECE, 2 * PIECE)]]
    await world.spool([0, 70])
    assert granted(await world.tell(UPLOAD_DUE)) == [[(1, PIECE + 1)], [(PIECE + 1, 70), (71, 2 * PIECE)]]


async def test_an_invitation_full_of_holes_can_be_decoded(world: World) -> None:
    """With the smallest chunks, every second one lost."""
    await world.casting(request(chunk_size=64 * 1024))
    await world.spool(range(0, 2048, 2))
    invited = of(await world.tell(UPLOAD_DUE), UploadInvited)
    assert [decode(encode(message)) for message in invited] == invited
    missing = [index for message in invited for start, stop in message.ranges for index in range(start, stop)]
    assert missing == list(range(1, 2048, 2))


async def test_a_whole_spool_is_verified(world: World) -> None:
    """Once by the last chunk, and again when the clock asks, as long as no digest is there."""
    await world.casting(request())
    await world.change(granted=300)
    outcomes = await stored(world, range(300))
    assert of(outcomes, VerifySpool) == [VerifySpool(ALICE, T, 300, sha256=False)]
    assert of(await world.tell(UPLOAD_DUE), VerifySpool) == [VerifySpool(ALICE, T, 300, sha256=False)]
    assert await world.tell(SHALLOW) == []


async def test_the_right_digest_ends_upload_and_cast(world: World) -> None:
    """The sender may leave, and receivers may ask for what they miss."""
    await world.casting(request())
    await stored(world, range(300))
    outcomes = await world.tell(VERIFIED)
    assert whereto(outcomes, UploadCompleted) == [(ALICE, SESSION)]
    assert of(outcomes, IntoCast) == [IntoCast(ALICE, T, CastEnded(transfer_id=T), None)]
    transfer = await world.transfer()
    assert transfer.uploaded_at is not None
    assert transfer.cast_ended_at is not None


async def test_a_repeated_digest_tells_the_sender_again(world: World) -> None:
    """But the end of the cast goes into the lanes once."""
    await world.casting(request())
    await stored(world, range(300))
    await world.tell(VERIFIED)
    outcomes = await world.tell(VERIFIED)
    assert of(outcomes, UploadCompleted)
    assert not of(outcomes, CastEnded)


@pytest.mark.parametrize(
    ("announced", "found"),
    [
        (RIGHT, WRONG),
        (
            msgspec.structs.replace(RIGHT, sha256="1" * 64),
            msgspec.structs.replace(RIGHT, sha256="2" * 64),
        ),
    ],
)
async def test_a_wrong_digest_means_that_the_source_changed(
    world: World, announced: Hashes, found: Hashes
) -> None:
    """The transfer ends as such; the sender is not told that it may leave."""
    await world.casting(request(file=file(hash=announced)))
    await stored(world, range(300))
    outcomes = await world.tell(at(ACME, SpoolVerified(transfer_id=T, hash=found)))
    assert whereto(outcomes, CloseDue) == [ACME]
    assert not of(outcomes, UploadCompleted)
    assert not of(outcomes, CastEnded)
    assert (await world.transfer()).reason == Code.SOURCE_CHANGED


async def test_a_chunk_with_two_digests_means_that_the_source_changed(world: World) -> None:
    """And nothing is granted after that."""
    await world.casting(request())
    differed = at(ACME, SourceDiffered(transfer_id=T, index=7))
    outcomes = await world.tell(differed, UPLOAD_DUE)
    assert whereto(outcomes, CloseDue) == [ACME]
    assert granted(outcomes) == []
    assert (await world.transfer()).detail.startswith("chunk 7 ")
    assert await world.tell(UPLOAD_DUE) == []


async def test_an_empty_file_has_nothing_to_upload(world: World) -> None:
    """Its digest is checked, and its cast ends; the exchange is there for that."""
    outcomes = await world.casting(request(file=file(size=0)))
    assert granted(outcomes) == []
    assert {verify.chunks for verify in of(outcomes, VerifySpool)} == {0}
    assert of(outcomes, OpenUpload)
    outcomes = await world.tell(VERIFIED)
    assert of(outcomes, UploadCompleted)
    assert of(outcomes, CastEnded)


async def test_a_late_lane_gets_the_end_of_the_cast(world: World) -> None:
    """So its receiver asks for the whole file."""
    opened = await accepted(world)
    await world.tell(at(ACME, opened[BOB]))
    await stored(world, range(300))
    await world.tell(VERIFIED)
    outcomes = await world.tell(at(ACME, opened[CAROL]))
    assert of(outcomes, IntoCast) == [IntoCast(ALICE, T, CastEnded(transfer_id=T), CAROL)]
    assert (await world.sent_states())[CAROL] == Receiver.RECEIVING


async def test_what_has_ended_is_neither_granted_nor_cast(world: World) -> None:
    """Messages may come late."""
    await world.casting(request())
    await world.change(state=Transfer.EXPIRED)
    for message in (UPLOAD_DUE, SHALLOW, DEEP, PACE_DUE, VERIFIED):
        assert await world.tell(message) == []
