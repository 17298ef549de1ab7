"""Answers that come after the list was made: its next versions, and who is still waited for."""

import pytest

from rollcast.messages import (
    CancelRequested,
    CloseDue,
    InvitationsDue,
    LaneOpened,
    LanesDue,
    ReceiverListResolved,
    ReceiversInvited,
    RoundDue,
    SpoolVerified,
    TransferReported,
    UploadInvited,
)
from rollcast.messages.values import Upload
from rollcast.reasons import Code
from rollcast.report import Report
from rollcast.states import CONSENT, Receiver, Transfer
from tests.people import ACME, ALICE, BOB, CAROL, DAVE, GLOBEX
from tests.unit.steps.build import (
    HOUR,
    MINUTE,
    RIGHT,
    T,
    accept,
    at,
    by,
    defer,
    delivered,
    ends,
    of,
    one,
    reject,
    reported,
    request,
    whereto,
)
from tests.unit.steps.world import World
from workers.work import Outcome

CLOSE_DUE = at(ACME, CloseDue(transfer_id=T))
INVITATIONS_DUE = at(ACME, InvitationsDue(transfer_id=T))


async def listed_without_carol(world: World) -> None:
    """A roll call that carol has not answered in time; bob is on the list."""
    await world.asking(request(consent_timeout=60_000))
    await world.settle(by(BOB, accept()))
    world.pass_time(2 * MINUTE)
    await world.settle(at(ACME, RoundDue(transfer_id=T)))


async def spooled(world: World) -> None:
    """The server has the whole file."""
    await world.spool(range(300))
    await world.settle(at(ACME, SpoolVerified(transfer_id=T, hash=RIGHT)))


def added(outcomes: list[Outcome]) -> tuple[int, set[str]]:
    """The version of the list that is announced, and who is on it in addition."""
    announced = one(outcomes, ReceiverListResolved)
    return announced.list_version, {receiver.address for receiver in announced.receivers}


async def test_a_late_acceptance_makes_the_next_version(world: World) -> None:
    """Announced as the addition; the new receiver gets a lane, those who have theirs do not get another."""
    await listed_without_carol(world)
    assert (await world.sent_states())[CAROL] == Receiver.NO_ANSWER
    outcomes = await world.settle(by(CAROL, accept()))
    assert added(outcomes) == (2, {CAROL})
    assert (one(outcomes, ReceiverListResolved).listed, one(outcomes, ReceiverListResolved).requested) == (
        2,
        2,
    )
    assert whereto(outcomes, LaneOpened) == [(CAROL, None)]
    assert {a: row.listed_in for a, row in (await world.sent()).items()} == {BOB: 1, CAROL: 2}
    await world.settle(by(BOB, delivered()))
    report = reported(await world.settle(by(CAROL, delivered())))
    assert (report.transfer.state, report.transfer.list_version) == (Transfer.COMPLETED, 2)


async def test_a_late_acceptance_told_twice_makes_one_version(world: World) -> None:
    """A version is stored, not computed again."""
    await listed_without_carol(world)
    await world.settle(by(CAROL, accept()))
    assert not of(await world.settle(by(CAROL, accept())), ReceiverListResolved)
    assert (await world.transfer()).list_version == 2


async def test_a_late_rejection_is_what_the_report_says(world: World) -> None:
    """It refused, and did not just keep silent."""
    await listed_without_carol(world)
    assert not of(await world.settle(by(CAROL, reject())), ReceiverListResolved)
    report = reported(await world.settle(by(BOB, delivered())))
    assert ends(report)[CAROL] == (Receiver.REJECTED, Code.REJECTED)


async def test_an_answer_whose_message_was_lost_is_asked_for(world: World) -> None:
    """The clock's prompt brings it from the other server's ledger, and puts no question into any inbox."""
    await listed_without_carol(world)
    await world.tell(by(CAROL, accept()))
    outcomes = await world.settle(INVITATIONS_DUE)
    assert whereto(outcomes, ReceiversInvited) == [GLOBEX]
    assert added(outcomes) == (2, {CAROL})


async def test_after_the_end_an_acceptance_makes_no_version(world: World) -> None:
    """All on the list were final, and nobody had put anything off."""
    await listed_without_carol(world)
    report = reported(await world.settle(by(BOB, delivered())))
    assert report.transfer.state == Transfer.PARTIAL
    assert not of(await world.settle(by(CAROL, accept())), ReceiverListResolved)
    assert (await world.sent_states())[CAROL] == Receiver.NO_ANSWER


class TestDeferred:
    """Who decides later ends the waiting, and keeps the transfer open."""

    async def test_the_round_does_not_wait(self, world: World) -> None:
        """And it is no consent."""
        await world.asking(request())
        await world.settle(by(CAROL, defer()))
        outcomes = await world.settle(by(BOB, accept()))
        assert whereto(outcomes, LanesDue) == [ACME]
        assert await world.sent_states() == {BOB: Receiver.RECEIVING, CAROL: Receiver.DEFERRED}

    async def test_the_report_comes_and_comes_again(self, world: World) -> None:
        """First when all on the list are final, then with each change, and at the end."""
        await world.asking(request())
        await world.settle(by(CAROL, defer()))
        await world.settle(by(BOB, accept()))
        assert not of(await world.settle(by(BOB, delivered())), TransferReported)
        await spooled(world)
        first = await world.transfer()
        assert (first.state, first.report_version) == (Transfer.CASTING, 1)
        assert not of(await world.settle(CLOSE_DUE), TransferReported)
        assert reported(await world.tell(by(ALICE, request()))).transfer.report_version == 1
        assert added(await world.settle(by(CAROL, accept()))) == (2, {CAROL})
        report = reported(await world.settle(by(CAROL, delivered())))
        assert (report.transfer.state, report.transfer.report_version) == (Transfer.COMPLETED, 2)

    async def test_the_first_report_waits_for_the_spool(self, world: World) -> None:
        """Who joins later is served from it, when the sender has left."""
        await world.asking(request())
        await world.settle(by(CAROL, defer()))
        await world.settle(by(BOB, accept()))
        await world.settle(by(BOB, delivered()))
        await world.spool(range(300))
        outcomes = await world.settle(at(ACME, SpoolVerified(transfer_id=T, hash=RIGHT)))
        report = reported(outcomes)
        assert (report.transfer.state, report.transfer.report_version) == (Transfer.CASTING, 1)
        assert ends(report)[CAROL] == (Receiver.DEFERRED, None)

    async def test_a_late_no_ends_it(self, world: World) -> None:
        """Nobody is waited for any more."""
        await world.asking(request())
        await world.settle(by(CAROL, defer()))
        await world.settle(by(BOB, accept()))
        await world.settle(by(BOB, delivered()))
        await spooled(world)
        report = reported(await world.settle(by(CAROL, reject())))
        assert (report.transfer.state, report.transfer.report_version) == (Transfer.PARTIAL, 2)

    async def test_each_change_is_reported(self, world: World) -> None:
        """Also that one of several who put it off has decided against it; once."""
        await world.asking(request([BOB, CAROL, DAVE]))
        await world.settle(by(CAROL, defer()), by(DAVE, defer()))
        await world.settle(by(BOB, accept()))
        await world.settle(by(BOB, delivered()))
        await spooled(world)
        report = reported(await world.settle(by(CAROL, reject())))
        assert (report.transfer.state, report.transfer.report_version) == (Transfer.CASTING, 2)
        assert ends(report)[CAROL] == (Receiver.REJECTED, Code.REJECTED)
        assert not of(await world.settle(by(CAROL, reject()), by(DAVE, defer())), TransferReported)
        assert not of(await world.settle(CLOSE_DUE), TransferReported)

    async def test_the_expiry_ends_it(self, world: World) -> None:
        """With a reason of its own; nobody had anything to remove, so it ends at once."""
        await world.asking(request())
        await world.settle(by(CAROL, defer()))
        await world.settle(by(BOB, accept()))
        await world.settle(by(BOB, delivered()))
        await spooled(world)
        world.pass_time(25 * HOUR)
        report = reported(await world.settle(CLOSE_DUE))
        assert (report.transfer.state, report.transfer.report_version) == (Transfer.PARTIAL, 2)
        assert ends(report)[CAROL] == (Receiver.EXPIRED, Code.DEFERRED)

    async def test_a_cancellation_ends_it(self, world: World) -> None:
        """It is told that the decision was still open: there is no consent under which a retry could go."""
        await world.asking(request())
        await world.settle(by(CAROL, defer()))
        await world.settle(by(BOB, accept()))
        await world.settle(by(BOB, delivered()))
        report = reported(await world.settle(by(ALICE, CancelRequested(transfer_id=T))))
        (carol,) = (receiver for receiver in report.receivers if receiver.address == CAROL)
        assert (carol.state, carol.step, carol.reason) == (Receiver.CANCELLED, CONSENT, Code.CANCELLED)

    @pytest.mark.parametrize("policy", ["all_or_nothing", "at_least:2", f"mandatory:{CAROL}"])
    async def test_a_policy_that_may_still_be_met_is_waited_for(self, world: World, policy: str) -> None:
        """Nothing is cast before it is; then all that are on the list get their lanes."""
        await world.asking(request(list_policy=policy))
        outcomes = await world.settle(by(BOB, accept()), by(CAROL, defer()))
        assert added(outcomes) == (1, {BOB, CAROL})
        assert not of(outcomes, LanesDue)
        assert await world.state() == Transfer.ASKING
        outcomes = await world.settle(by(CAROL, accept()))
        assert sorted(whereto(outcomes, LanesDue), key=str) == [ACME, GLOBEX]
        assert await world.state() == Transfer.CASTING

    @pytest.mark.parametrize("upload", ["live", "eager"])
    async def test_meanwhile_the_sender_need_not_wait(self, world: World, upload: Upload) -> None:
        """The file goes into the spool, and the report says what is still open."""
        await world.asking(request(list_policy="all_or_nothing", upload=upload))
        outcomes = await world.settle(by(BOB, accept()), by(CAROL, defer()))
        assert upload == "eager" or of(outcomes, UploadInvited)
        assert not of(outcomes, TransferReported)
        await world.spool(range(300))
        outcomes = await world.settle(at(ACME, SpoolVerified(transfer_id=T, hash=RIGHT)))
        report = reported(outcomes)
        assert (report.transfer.state, report.transfer.report_version) == (Transfer.ASKING, 1)
        assert ends(report) == {BOB: (Receiver.ACCEPTED, None), CAROL: (Receiver.DEFERRED, None)}
        assert Report(report.transfer, report.receivers).settled
        again = await world.tell(by(ALICE, request(list_policy="all_or_nothing", upload=upload)))
        assert reported(again) == report
        await world.settle(by(CAROL, accept()))
        assert await world.state() == Transfer.CASTING
        assert not of(await world.tell(by(ALICE, request(list_policy="all_or_nothing"))), TransferReported)

    async def test_a_file_that_is_there_already_is_reported_with_the_list(self, world: World) -> None:
        """As after an eager upload; if that report's prompt is lost the clock has another one."""
        await world.asking(request(list_policy="all_or_nothing", upload="eager"))
        await world.spool(range(300))
        await world.settle(at(ACME, SpoolVerified(transfer_id=T, hash=RIGHT)))
        outcomes = await world.settle(by(BOB, accept()), by(CAROL, defer()))
        assert reported(outcomes).transfer.state == Transfer.ASKING

    async def test_what_changes_meanwhile_is_reported_again(self, world: World) -> None:
        """Others may still join."""
        await world.asking(request([BOB, CAROL, DAVE], list_policy="at_least:2"))
        await world.settle(by(BOB, accept()), by(CAROL, defer()), by(DAVE, defer()))
        await world.spool(range(300))
        await world.settle(at(ACME, SpoolVerified(transfer_id=T, hash=RIGHT)))
        report = reported(await world.settle(by(DAVE, reject())))
        assert (report.transfer.state, report.transfer.report_version) == (Transfer.ASKING, 2)
        assert ends(report)[DAVE] == (Receiver.REJECTED, Code.REJECTED)

    async def test_a_policy_that_cannot_be_met_any_more_ends_it(self, world: World) -> None:
        """As soon as that is known."""
        await world.asking(request(list_policy="all_or_nothing"))
        await world.settle(by(BOB, accept()), by(CAROL, defer()))
        report = reported(await world.settle(by(CAROL, reject())))
        assert (report.transfer.state, report.transfer.reason) == (Transfer.DECLINED, Code.POLICY_NOT_MET)

    async def test_a_policy_that_was_never_met_ends_with_the_expiry(self, world: World) -> None:
        """Nobody was sent anything."""
        await world.asking(request([CAROL, DAVE]))
        await world.settle(by(CAROL, defer()), by(DAVE, reject()))
        world.pass_time(25 * HOUR)
        report = reported(await world.settle(CLOSE_DUE))
        assert (report.transfer.state, report.transfer.reason) == (Transfer.DECLINED, Code.NOBODY_LISTED)
        assert ends(report)[CAROL] == (Receiver.EXPIRED, Code.DEFERRED)

    async def test_a_dry_run_does_not_wait(self, world: World) -> None:
        """Who would get the file now is what it asks."""
        await world.asking(request(dry_run=True))
        report = reported(await world.settle(by(BOB, accept()), by(CAROL, defer())))
        assert report.transfer.state == Transfer.LISTED
        assert ends(report)[CAROL] == (Receiver.DEFERRED, None)
        assert report.transfer.sender == ALICE


async def test_a_late_acceptance_makes_nothing_of_a_dry_run(world: World) -> None:
    """It has made its list, and is about to end with it."""
    await world.asking(request(dry_run=True, consent_timeout=60_000))
    await world.settle(by(BOB, accept()))
    world.pass_time(2 * MINUTE)
    await world.tell(at(ACME, RoundDue(transfer_id=T)))
    assert of(await world.settle(by(CAROL, accept())), LanesDue) == []
    await world.settle(CLOSE_DUE)
    assert await world.state() == Transfer.LISTED
