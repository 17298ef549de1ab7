"""What is counted and timed when transfers move on: once each, by the ledger's clock, and only if it is committed."""

from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from rollcast.messages import CancelRequested, CloseDue, RoundDue, SenderCheckDue
from tests.people import ACME, ALICE, BOB, CAROL
from tests.unit.steps.build import MINUTE, SECOND, MiB, T, accept, at, by, delivered, failed, file, reject
from tests.unit.steps.build import request as wanted
from tests.unit.steps.measured import counting
from tests.unit.steps.world import World
from workers import metrics

SIZE = 300 * MiB


async def test_a_roll_call(world: World) -> None:
    """From the request to the list, and once, whatever comes afterwards."""
    more = counting()
    await world.asking(wanted())
    world.pass_time(20 * SECOND)
    await world.settle(by(BOB, accept()), by(CAROL, accept()))
    assert more("rollcast_roll_call_seconds_count") == 1
    assert more("rollcast_roll_call_seconds_sum") == pytest.approx(20, abs=5)
    await world.settle(by(BOB, accept()))
    assert more("rollcast_roll_call_seconds_count") == 1


async def test_a_delivery_and_its_receipts(world: World) -> None:
    """The transfer from the list to its end; a receipt from when the file could be had; both once."""
    more = counting()
    await world.casting(wanted())
    world.pass_time(10 * SECOND)
    async with world.database.begin() as ledger:
        uploaded_at = ledger.now
    await world.change(uploaded_at=uploaded_at)
    world.pass_time(20 * SECOND)
    await world.settle(by(BOB, delivered()))
    await world.settle(by(BOB, delivered()))
    assert more("rollcast_receipt_seconds_count") == 1
    assert more("rollcast_receipt_seconds_sum") == pytest.approx(20, abs=5)
    assert more("rollcast_delivered_bytes_total") == SIZE
    await world.settle(by(CAROL, failed()))
    assert more("rollcast_delivery_seconds_count", state="partial") == 1
    assert more("rollcast_delivery_seconds_sum", state="partial") == pytest.approx(30, abs=5)
    assert more("rollcast_transfers_ended_total", state="partial") == 1
    assert more("rollcast_receivers_ended_total", state="delivered") == 1
    assert more("rollcast_receivers_ended_total", state="failed") == 1
    await world.settle(at(ACME, CloseDue(transfer_id=T)))
    assert more("rollcast_transfers_ended_total", state="partial") == 1


async def test_a_receipt_before_the_spool_is_verified_took_no_time(world: World) -> None:
    """As of a small file, which is on disk before the spool has looked at all of it."""
    more = counting()
    await world.casting(wanted())
    await world.settle(by(BOB, delivered()))
    assert more("rollcast_receipt_seconds_count") == 1
    assert more("rollcast_receipt_seconds_sum") == 0


async def test_a_receipt_that_is_late_counts(world: World) -> None:
    """What came after the end is delivered as well; the transfer has ended once."""
    more = counting()
    await world.casting(wanted())
    await world.settle(by(BOB, delivered()))
    await world.settle(by(ALICE, CancelRequested(transfer_id=T)))
    world.pass_time(2 * MINUTE)
    await world.settle(at(ACME, CloseDue(transfer_id=T)))
    assert more("rollcast_transfers_ended_total", state="partial") == 1
    await world.settle(by(CAROL, delivered()))
    assert await world.state() == "completed"
    assert more("rollcast_delivered_bytes_total") == 2 * SIZE
    assert more("rollcast_transfers_ended_total", state="partial") == 1
    assert more("rollcast_transfers_ended_total", state="completed") == 0


async def test_who_joins_the_list_later_is_not_timed(world: World) -> None:
    """Of it is only known since when the others could have had the file."""
    more = counting()
    await world.asking(wanted(consent_timeout=60_000))
    await world.settle(by(BOB, accept()))
    world.pass_time(2 * MINUTE)
    await world.settle(at(ACME, RoundDue(transfer_id=T)))
    await world.settle(by(CAROL, accept()))
    await world.settle(by(CAROL, delivered()))
    assert more("rollcast_receipt_seconds_count") == 0
    assert more("rollcast_delivered_bytes_total") == SIZE


async def test_what_is_never_cast_has_no_delivery(world: World) -> None:
    """Declined and refused transfers end, and that is all."""
    more = counting()
    await world.asking(wanted())
    await world.settle(by(BOB, reject()), by(CAROL, reject()))
    assert more("rollcast_transfers_ended_total", state="declined") == 1
    assert more("rollcast_delivery_seconds_count", state="declined") == 0
    await world.suspend(ALICE)
    await world.asking(wanted(transfer_id="b" * 32))
    await world.suspend(ALICE, suspended=False)
    await world.asking(wanted(transfer_id="c" * 32, file=file(size=world.settings.spool_quota + 1)))
    assert more("rollcast_transfers_ended_total", state="refused") == 2


async def test_the_beginning_and_the_end_are_a_line_each(world: World) -> None:
    """However often its messages come, with what an operator wants to know."""
    about = {"transfer": T, "sender": ALICE, "log_level": "info"}
    with capture_logs() as lines:
        await world.casting(wanted())
        await world.settle(by(ALICE, wanted()))
        await world.settle(at(ACME, SenderCheckDue(transfer_id=T)))
        await world.change(uploaded_at=1)
        world.pass_time(20 * SECOND)
        await world.settle(by(BOB, delivered()), by(CAROL, failed()))
        await world.settle(at(ACME, CloseDue(transfer_id=T)))
    begin, end = lines
    assert begin == {**about, "event": "a transfer begins", "size": SIZE, "receivers": 2}
    assert end.pop("duration_s") == pytest.approx(20, abs=5)
    assert end == {
        **about,
        "event": "a transfer has ended",
        "state": "partial",
        "reason": None,
        "counts": {"delivered": 1, "failed": 1},
    }


async def test_a_cancelled_transfer_ends_with_its_reason(world: World) -> None:
    """A receipt that comes after all corrects that."""
    with capture_logs() as lines:
        await world.casting(wanted())
        await world.settle(by(ALICE, CancelRequested(transfer_id=T)))
        world.pass_time(2 * MINUTE)
        await world.settle(at(ACME, CloseDue(transfer_id=T)))
        await world.settle(by(CAROL, delivered()))
    told = [(line["event"], line.get("state"), line.get("reason")) for line in lines]
    assert told == [
        ("a transfer begins", None, None),
        ("a transfer has ended", "cancelled", "cancelled"),
        ("the end of a transfer is corrected", "partial", None),
    ]
    assert lines[-1]["counts"] == {"cancelled": 1, "delivered": 1}


@pytest.mark.parametrize(
    ("recipients", "reason"),
    [([BOB, CAROL], "file_too_big"), ([BOB, "bob"], "invalid_recipient"), ([], "suspended")],
    ids=["at S220", "at S210", "before it is written down"],
)
async def test_a_refused_transfer_is_one_line(world: World, recipients: list[str], reason: str) -> None:
    """It has not begun."""
    await world.suspend(ALICE, reason == "suspended")
    big = file(size=world.settings.spool_quota + 1)
    with capture_logs() as lines:
        await world.asking(wanted(recipients=recipients, file=big))
    (line,) = lines
    assert (line["event"], line["transfer"], line["sender"]) == ("a transfer is refused", T, ALICE)
    assert (line["log_level"], line["reason"]) == ("info", reason)
    assert await world.transfers() == (reason != "suspended")


async def test_what_is_not_committed_is_not_counted(world: World) -> None:
    """A handler that fails afterwards does it all again."""
    more = counting()
    with suppress(ZeroDivisionError):
        async with world.database.begin() as ledger:
            ledger.on_commit(metrics.RECASTS.inc)
            raise ZeroDivisionError
    assert more("rollcast_recasts_total") == 0
    async with world.database.begin() as ledger:
        ledger.on_commit(metrics.RECASTS.inc)
        assert more("rollcast_recasts_total") == 0
    assert more("rollcast_recasts_total") == 1
