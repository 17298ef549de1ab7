"""Transfers are held while broker or spool are full, with a reason, and go on by themselves."""

from dataclasses import replace

import pytest

from rollcast.messages import CancelRequested, CloseDue, InvitationsDue, SenderCheckDue, TransferHeld
from rollcast.messages.values import MAX_FILE_SIZE, MIN_CHUNK_SIZE
from rollcast.reasons import Code
from rollcast.states import Transfer
from tests.people import ACME, ALICE, BOB
from tests.unit.steps.build import HOUR, OTHER_T, MiB, T, at, by, file, of, one, reported, request
from tests.unit.steps.world import World
from workers import room

CHECK_DUE = at(ACME, SenderCheckDue(transfer_id=T))


async def note(world: World, *, free: int | None = None, full: str | None = None) -> None:
    """What the clock has measured."""
    async with world.database.begin() as ledger:
        await room.note(ledger, world.settings.server, free, full)


@pytest.mark.parametrize(
    ("measured", "code"),
    [
        ({"full": "the broker's memory is full"}, Code.BROKER_FULL),
        ({"free": 300 * MiB}, Code.SPOOL_FULL),
    ],
)
async def test_a_transfer_waits_for_room(world: World, measured: dict[str, int | str], code: Code) -> None:
    """Its sender hears why; when there is room it goes on."""
    await note(world, **measured)  # type: ignore[arg-type]
    held = one(await world.settle(by(ALICE, request())), TransferHeld)
    assert held.reason == code
    assert await world.state() == Transfer.HELD
    await note(world, free=400 * MiB)
    assert of(await world.tell(CHECK_DUE), InvitationsDue)
    assert (await world.transfer()).reason is None


async def test_what_is_still_to_come_counts(world: World) -> None:
    """Two files do not fit into the room of one, though nothing of the first is there yet."""
    await note(world, free=500 * MiB)
    await world.settle(by(ALICE, request([BOB], transfer_id=OTHER_T)))
    assert of(await world.settle(by(ALICE, request())), TransferHeld)
    await world.spool(range(300), OTHER_T)
    assert of(await world.tell(CHECK_DUE), InvitationsDue)


async def test_another_reason_is_told_as_well(world: World) -> None:
    """What a sender reads is what it waits for now."""
    await note(world, full="the broker's disk is full")
    await world.settle(by(ALICE, request()))
    await note(world, free=0)
    assert one(await world.tell(CHECK_DUE), TransferHeld).reason == Code.SPOOL_FULL
    assert (await world.transfer()).reason == Code.SPOOL_FULL


async def test_why_it_was_held_does_not_explain_its_end(world: World) -> None:
    """It expired; what it waited for is over."""
    await note(world, full="the broker's disk is full")
    await world.settle(by(ALICE, request()))
    world.pass_time(25 * HOUR)
    report = reported(await world.settle(at(ACME, CloseDue(transfer_id=T))))
    assert (report.transfer.reason, report.transfer.detail) == (Code.EXPIRED, None)


async def test_a_dry_run_needs_no_room(world: World) -> None:
    """Nothing is sent."""
    await note(world, free=0, full="the broker's disk is full")
    assert of(await world.settle(by(ALICE, request(dry_run=True, file=file()))), InvitationsDue)


async def test_who_waits_is_called_when_room_is_given_back(world: World) -> None:
    """At once, and not with the next of ever rarer prompts."""
    await world.settle(by(ALICE, request([BOB], transfer_id=OTHER_T, file=file(size=900 * MiB))))
    await world.settle(by(ALICE, request()))
    assert await world.state() == Transfer.HELD
    await world.change(due_at=2**60)
    await world.settle(by(ALICE, CancelRequested(transfer_id=OTHER_T)))
    assert (await world.transfer()).due_at < 2**60


@pytest.mark.parametrize("full", [None, "the broker's memory is full"])
async def test_who_waits_is_called_when_more_room_is_measured(world: World, full: str | None) -> None:
    """Whichever clock measured before. What ended transfers give back is free on the disk only later."""
    await note(world, free=300 * MiB, full=full)
    await world.settle(by(ALICE, request()))
    await world.change(due_at=2**60)
    await note(world, free=310 * MiB, full=full)
    assert (await world.transfer()).due_at == 2**60
    await note(world, free=400 * MiB)
    assert (await world.transfer()).due_at < 2**60


async def test_the_largest_file_can_be_reckoned_with(world: World) -> None:
    """In the smallest chunks: the bytes times the chunks are more than 64 bits hold."""
    world.settings = replace(world.settings, spool_quota=2 * MAX_FILE_SIZE)
    huge = file(size=MAX_FILE_SIZE)
    await world.asking(request(file=huge, chunk_size=MIN_CHUNK_SIZE))
    await note(world, free=MAX_FILE_SIZE + 100 * MiB)
    held = one(await world.settle(by(ALICE, request([BOB], transfer_id=OTHER_T))), TransferHeld)
    assert held.reason == Code.SPOOL_FULL
