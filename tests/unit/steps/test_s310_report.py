"""S310 at the sender's server: how a transfer ends, and its report."""

from typing import Any

import pytest

from rollcast.messages import (
    CloseDue,
    ReceiptReported,
    ReceiversFinished,
    ReceiversProgressed,
    SourceDiffered,
    TransferClosed,
    TransferEnded,
    TransferReported,
)
from rollcast.messages.values import ReceiverStatus
from rollcast.reasons import Code
from rollcast.states import Receiver, Transfer
from tests.people import ACME, BOB, CAROL, GLOBEX, MALLORY, STRANGER
from tests.unit.steps.build import (
    HOUR,
    MINUTE,
    OTHER_T,
    RIGHT,
    WRONG,
    MiB,
    T,
    accept,
    at,
    by,
    delivered,
    discarded,
    ends,
    failed,
    of,
    one,
    reject,
    reported,
    request,
    whereto,
)
from tests.unit.steps.world import World
from workers.work import DropCast

CLOSE_DUE = at(ACME, CloseDue(transfer_id=T))


def finished(address: str, state: Receiver, revision: int = 9, **fields: Any) -> ReceiversFinished:
    """A peer tells of a receiver's end."""
    status = ReceiverStatus(address=address, state=state, revision=revision, **fields)
    return ReceiversFinished(transfer_id=T, receivers=[status])


@pytest.mark.parametrize(
    "told", [{"bytes": 1, "blake3": RIGHT.blake3}, {"bytes": 300 * MiB, "blake3": WRONG.blake3}, {}]
)
async def test_a_receipt_about_other_bytes_is_none(world: World, told: dict[str, Any]) -> None:
    """Each is held against the file before a transfer is called completed."""
    await world.casting(request())
    await world.settle(by(BOB, delivered()))
    outcomes = await world.settle(at(ACME, finished(CAROL, Receiver.DELIVERED, **told)))
    report = reported(outcomes)
    assert report.transfer.state == Transfer.PARTIAL
    assert ends(report)[CAROL] == (Receiver.FAILED, Code.NOT_STORED)


class TestEnding:
    """At the sender's server."""

    async def test_a_transfer_ends_with_its_last_receipt(self, world: World) -> None:
        """The report says who has the file, and both halves are closed; until then the sender sees progress."""
        await world.casting(request())
        first = await world.settle(by(BOB, delivered()))
        assert not of(first, TransferReported)
        (stored,) = one(first, ReceiversProgressed).receivers
        assert (stored.address, stored.bytes) == (BOB, 300 * MiB)
        outcomes = await world.settle(by(CAROL, delivered()))
        assert not of(outcomes, ReceiversProgressed)
        report = reported(outcomes)
        assert (report.transfer.state, report.transfer.reason) == (Transfer.COMPLETED, None)
        assert (report.transfer.report_version, report.transfer.list_version) == (1, 1)
        assert ends(report) == {BOB: (Receiver.DELIVERED, None), CAROL: (Receiver.DELIVERED, None)}
        assert whereto(outcomes, TransferClosed) == [ACME, GLOBEX]
        assert of(outcomes, DropCast)
        assert await world.chunks() == 0

    @pytest.mark.parametrize(
        ("receipts", "state"),
        [
            ([(BOB, delivered()), (CAROL, failed())], Transfer.PARTIAL),
            ([(BOB, failed()), (CAROL, failed())], Transfer.FAILED),
        ],
    )
    async def test_the_receivers_ends_decide(
        self, world: World, receipts: list[tuple[str, ReceiptReported]], state: Transfer
    ) -> None:
        """Some have it, or nobody has."""
        await world.casting(request())
        outcomes = await world.settle(*(by(address, receipt) for address, receipt in receipts))
        assert reported(outcomes).transfer.state == state

    async def test_who_is_not_on_the_list_makes_it_partial(self, world: World) -> None:
        """Completed means that every requested receiver has it."""
        await world.asking(request([BOB, CAROL, STRANGER]))
        await world.settle(by(BOB, accept()), by(CAROL, reject()))
        report = reported(await world.settle(by(BOB, delivered())))
        assert report.transfer.state == Transfer.PARTIAL
        assert ends(report) == {
            BOB: (Receiver.DELIVERED, None),
            CAROL: (Receiver.REJECTED, Code.REJECTED),
            STRANGER: (Receiver.UNKNOWN, Code.NO_SUCH_DOMAIN),
        }

    async def test_ends_that_are_told_again_are_no_news(self, world: World) -> None:
        """Neither before nor after the end."""
        await world.casting(request())
        told = at(ACME, finished(BOB, Receiver.DELIVERED, bytes=300 * MiB, blake3=RIGHT.blake3))
        await world.tell(told)
        assert await world.tell(told) == []
        await world.tell(at(ACME, finished(CAROL, Receiver.FAILED)))
        before = await world.transfer()
        assert await world.tell(told) == []
        assert await world.transfer() == before

    @pytest.mark.parametrize("options", [{"dry_run": True}, {"list_policy": "all_or_nothing"}])
    async def test_nobody_has_what_was_not_sent(self, world: World, options: dict[str, Any]) -> None:
        """The digest stands in the offer, so anybody can write a receipt."""
        await world.asking(request(**options))
        await world.settle(by(BOB, accept()), by(CAROL, reject()))
        before = await world.transfer()
        assert before.state in {Transfer.LISTED, Transfer.DECLINED}
        has_it = ReceiverStatus(
            address=BOB, state=Receiver.DELIVERED, revision=99, bytes=300 * MiB, blake3=RIGHT.blake3
        )
        assert await world.tell(at(ACME, ReceiversFinished(transfer_id=T, receivers=[has_it]))) == []
        assert await world.transfer() == before

    async def test_ends_of_unknown_transfers_and_receivers_are_nothing(self, world: World) -> None:
        """A peer may tell anything."""
        assert await world.tell(at(ACME, finished(BOB, Receiver.DELIVERED))) == []
        await world.casting(request())
        assert await world.tell(at(ACME, finished(MALLORY, Receiver.DELIVERED))) == []

    async def test_a_late_receipt_corrects_the_report(self, world: World) -> None:
        """Delivered outranks every other end; each correction is a version."""
        await world.casting(request())
        world.pass_time(25 * HOUR)
        await world.settle(CLOSE_DUE)
        world.pass_time(MINUTE)
        report = reported(await world.settle(CLOSE_DUE))
        assert (report.transfer.state, report.transfer.report_version) == (Transfer.EXPIRED, 1)
        report = reported(await world.settle(by(CAROL, delivered())))
        assert (report.transfer.state, report.transfer.report_version) == (Transfer.PARTIAL, 2)
        assert ends(report)[CAROL] == (Receiver.DELIVERED, None)
        assert ends(report)[BOB][0] == Receiver.EXPIRED
        report = reported(await world.settle(by(BOB, delivered())))
        assert (report.transfer.state, report.transfer.report_version) == (Transfer.COMPLETED, 3)
        assert (report.transfer.reason, report.transfer.detail) == (None, None)

    async def test_nothing_but_a_receipt_corrects_a_report(self, world: World) -> None:
        """An end stands."""
        await world.casting(request())
        await world.settle(by(BOB, failed()), by(CAROL, failed()))
        for state in (Receiver.EXPIRED, Receiver.CANCELLED, Receiver.RECEIVING):
            assert await world.tell(at(ACME, finished(BOB, state, revision=99))) == []
        assert (await world.transfer()).report_version == 1

    async def test_it_does_not_end_early(self, world: World) -> None:
        """A prompt finds that it goes on."""
        await world.asking(request())
        assert await world.tell(CLOSE_DUE) == []
        await world.settle(by(BOB, accept()), by(CAROL, accept()))
        assert await world.tell(CLOSE_DUE) == []
        assert await world.tell(at(ACME, CloseDue(transfer_id=OTHER_T))) == []

    async def test_an_unmet_policy_declines(self, world: World) -> None:
        """Who had accepted is told that nothing comes."""
        await world.asking(request(list_policy="all_or_nothing"))
        outcomes = await world.settle(by(BOB, accept()), by(CAROL, reject()))
        report = reported(outcomes)
        assert (report.transfer.state, report.transfer.reason) == (Transfer.DECLINED, Code.POLICY_NOT_MET)
        assert ends(report) == {
            BOB: (Receiver.CANCELLED, Code.POLICY_NOT_MET),
            CAROL: (Receiver.REJECTED, Code.REJECTED),
        }
        assert whereto(outcomes, TransferEnded)[0] == (BOB, None)

    async def test_nobody_on_the_list_declines(self, world: World) -> None:
        """With a reason of its own."""
        await world.asking(request())
        report = reported(await world.settle(by(BOB, reject()), by(CAROL, reject())))
        assert (report.transfer.state, report.transfer.reason) == (Transfer.DECLINED, Code.NOBODY_LISTED)

    async def test_a_dry_run_is_listed(self, world: World) -> None:
        """Its list is the result; a receipt was never due."""
        await world.asking(request(dry_run=True))
        report = reported(await world.settle(by(BOB, accept()), by(CAROL, reject())))
        assert (report.transfer.state, report.transfer.reason) == (Transfer.LISTED, None)
        assert ends(report) == {
            BOB: (Receiver.ACCEPTED, None),
            CAROL: (Receiver.REJECTED, Code.REJECTED),
        }

    async def test_a_dry_run_with_an_unmet_policy_is_declined(self, world: World) -> None:
        """As the transfer would be."""
        await world.asking(request(dry_run=True, list_policy="all_or_nothing"))
        report = reported(await world.settle(by(BOB, accept()), by(CAROL, reject())))
        assert report.transfer.state == Transfer.DECLINED


async def test_a_changed_source_fails_the_transfer(world: World) -> None:
    """From the spool's finding to the report."""
    await world.casting(request())
    await world.settle(at(ACME, SourceDiffered(transfer_id=T, index=3)))
    report = reported(await world.settle(by(BOB, discarded()), by(CAROL, discarded())))
    assert (report.transfer.state, report.transfer.reason) == (Transfer.FAILED, Code.SOURCE_CHANGED)
    assert set(ends(report).values()) == {(Receiver.FAILED, Code.SOURCE_CHANGED)}
