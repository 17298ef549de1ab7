"""What the clock tells of the ledger: what is open, what stands still, and what servers have left undone."""

import math
from pathlib import Path
from typing import Any

import pytest

from rollcast.messages import CloseDue, TransferClosed
from rollcast.states import Receiver, Transfer
from tests.people import ACME, ALICE, BOB, CAROL
from tests.unit.steps.build import HOUR, MINUTE, OTHER_T, MiB, T, accept, at, by, delivered, file
from tests.unit.steps.build import request as wanted
from tests.unit.steps.measured import value
from tests.unit.steps.test_clock import tick
from tests.unit.steps.world import World
from workers import metrics
from workers.census import Census
from workers.ledger import roll
from workers.work import ToStep

NOBODY_LATE = 0.0


async def look(world: World) -> None:
    """Set the gauges."""
    await Census(world.settings, world.database).look()


def idle(state: Transfer) -> float:
    """For how long the transfer that stands still for longest does so."""
    return value("rollcast_transfer_idle_seconds", state=state)


def undone(step: str) -> float:
    """For how long a step has left something undone."""
    return value("rollcast_undone_seconds", step=step)


async def test_what_is_open_is_counted(world: World) -> None:
    """Each state has a figure; what is closed everywhere has none, however long it is kept."""
    await world.asking(wanted())
    await world.casting(wanted(transfer_id=OTHER_T))
    await look(world)
    assert value("rollcast_transfers", state="asking") == value("rollcast_transfers", state="casting") == 1
    assert value("rollcast_receivers", state="asked") == value("rollcast_receivers", state="receiving") == 2
    await world.settle(by(BOB, delivered(transfer_id=OTHER_T)), by(CAROL, delivered(transfer_id=OTHER_T)))
    await look(world)
    assert {value("rollcast_transfers", state=state) for state in Transfer} == {0, 1}
    assert value("rollcast_transfers", state="casting") == value("rollcast_transfers", state="completed") == 0
    assert value("rollcast_receivers", state="delivered") == 0


async def test_what_moves_is_not_idle(world: World) -> None:
    """An answer, a chunk, a lane and a repair each move a transfer; the clock's own prompts do not."""
    await world.asking(wanted())
    world.pass_time(10 * MINUTE)
    await look(world)
    assert idle(Transfer.ASKING) == pytest.approx(600, abs=60)
    await world.settle(by(BOB, accept()))
    await look(world)
    assert idle(Transfer.ASKING) == pytest.approx(0, abs=60)
    await world.settle(by(CAROL, accept()))
    world.pass_time(10 * MINUTE)
    await world.spool([0])
    await look(world)
    assert idle(Transfer.CASTING) == pytest.approx(0, abs=60)
    assert idle(Transfer.HELD) == 0


@pytest.mark.parametrize("spooled", [0, 300])
async def test_what_the_clock_asks_for_again_does_not_move(world: World, spooled: int) -> None:
    """However often lanes are said to be open, and however often a spool is verified in vain."""
    await world.casting(wanted())
    await world.change(spooled=spooled)
    for _ in range(3):
        world.pass_time(10 * MINUTE)
        for publication in await tick(world):
            assert isinstance(publication, ToStep)
            await world.settle(at(publication.domain, publication.message))
    await look(world)
    assert idle(Transfer.CASTING) == pytest.approx(1800, abs=60)
    assert undone("s290") == pytest.approx(1800 if spooled else 0, abs=60)


async def test_transfers_that_stand_still_are_counted(world: World) -> None:
    """From half an hour on, while they are being cast; those in which something moves are not."""
    await world.casting(wanted())
    await world.asking(wanted(transfer_id=OTHER_T))
    world.pass_time(HOUR // 3)
    await look(world)
    assert value("rollcast_transfers_stalled") == 0
    world.pass_time(HOUR // 3)
    await look(world)
    assert value("rollcast_transfers_stalled") == 1
    await world.spool([0])
    await look(world)
    assert value("rollcast_transfers_stalled") == 0


async def test_a_transfer_of_an_older_program_is_idle_since_it_began(world: World) -> None:
    """Of it is not known when it moved."""
    await world.asking(wanted())
    await world.change(moved_at=None)
    world.pass_time(HOUR)
    await look(world)
    assert idle(Transfer.ASKING) == pytest.approx(3600, abs=60)


async def test_what_waits_for_people_is_not_undone(world: World) -> None:
    """Receivers that are asked, and those that receive, keep no server waiting."""
    await world.asking(wanted())
    await world.casting(wanted(transfer_id=OTHER_T, consent_timeout=HOUR // 1000))
    world.pass_time(MINUTE // 2)
    await look(world)
    assert {undone(step) for step in ("s220", "s250", "s270", "s280", "s290", "s310")} == {0}


async def test_a_request_that_is_not_checked_is_undone(world: World) -> None:
    """As soon as all of its parts are there."""
    await world.tell(by(ALICE, wanted([BOB], parts=2)))
    world.pass_time(MINUTE)
    await look(world)
    assert undone("s220") == 0
    await world.tell(by(ALICE, wanted([CAROL], parts=2, part=1)))
    world.pass_time(MINUTE)
    await look(world)
    assert undone("s220") == pytest.approx(60, abs=30)


@pytest.mark.parametrize(
    ("step", "state", "receiver", "values"),
    [
        ("s250", Transfer.ASKING, Receiver.INVITED, {}),
        ("s280", Transfer.CASTING, Receiver.ACCEPTED, {}),
        ("s290", Transfer.CASTING, Receiver.RECEIVING, {"spooled": 300}),
    ],
)
async def test_what_servers_leave_undone(
    world: World, step: str, state: Transfer, receiver: Receiver, values: dict[str, Any]
) -> None:
    """It counts from the last thing that moved, and for the step that has to do it."""
    await (world.asking if state is Transfer.ASKING else world.casting)(wanted([BOB, CAROL]))
    async with world.database.begin() as ledger:
        await roll.move(ledger, T, list(Receiver), receiver, [BOB])
    await world.change(consent_deadline=(await world.transfer()).expires_at, **values)
    world.pass_time(10 * MINUTE)
    await look(world)
    assert undone(step) == pytest.approx(600, abs=60)


async def test_a_round_and_a_transfer_that_are_over_are_undone(world: World) -> None:
    """From the consent deadline on, and from a minute after the expiry on."""
    await world.asking(wanted(consent_timeout=60_000, expires=3_600_000))
    world.pass_time(2 * MINUTE)
    await look(world)
    assert undone("s270") == pytest.approx(60, abs=30)
    world.pass_time(HOUR)
    await look(world)
    assert undone("s310") == pytest.approx(60, abs=30)


async def test_a_closing_that_nobody_confirms_is_undone(world: World) -> None:
    """A peer that is away keeps the transfer from being forgotten."""
    await world.casting(wanted())
    await world.change(reason="cancelled", ending_at=1)
    outcomes = await world.tell(at(ACME, CloseDue(transfer_id=T)))
    assert any(isinstance(one, ToStep) and isinstance(one.message, TransferClosed) for one in outcomes)
    world.pass_time(10 * MINUTE)
    await look(world)
    assert undone("s310") == pytest.approx(600, abs=60)


async def test_who_does_not_get_done_is_late(world: World) -> None:
    """A minute after the spool had all of it; who has sent a receipt is not."""
    await world.casting(wanted())
    async with world.database.begin() as ledger:
        now = ledger.now
    await world.change(uploaded_at=now)
    await look(world)
    assert value("rollcast_receivers_late") == NOBODY_LATE
    world.pass_time(2 * MINUTE)
    await look(world)
    assert value("rollcast_receivers_late") == 2
    await world.settle(by(BOB, delivered()))
    await look(world)
    assert value("rollcast_receivers_late") == 1


async def test_the_spool_and_the_ledger(world: World, tmp_path: Path) -> None:
    """What is reserved, and how much of it has come; a bucket does not tell how much is free."""
    await world.casting(wanted(file=file(size=100 * MiB), chunk_size=MiB))
    await world.spool(range(40))
    await look(world)
    assert value("rollcast_spool_quota_bytes") == world.settings.spool_quota
    assert value("rollcast_spool_reserved_bytes") == 100 * MiB
    assert value("rollcast_spool_stored_bytes") == 40 * MiB
    assert math.isnan(value("rollcast_spool_free_bytes"))
    assert value("rollcast_ledger_revision") >= 3


async def test_what_is_not_known_any_more_is_not_told(world: World) -> None:
    """Neither counted nor as zero: an old figure would hide the newer one of another clock."""
    await world.asking(wanted())
    await look(world)
    metrics.forget()
    assert math.isnan(value("rollcast_transfers", state="asking"))
    assert math.isnan(value("rollcast_spool_quota_bytes"))
    assert math.isnan(value("rollcast_ledger_revision"))
