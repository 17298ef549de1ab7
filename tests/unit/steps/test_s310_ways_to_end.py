"""S310: expiry and cancelling in each state, and cleaning up afterwards."""

import pytest

from rollcast.errors import IdentityError
from rollcast.messages import (
    CancelRequested,
    CloseDue,
    ClosingConfirmed,
    RoundDue,
    TransferClosed,
    TransferEnded,
    TransferReported,
)
from rollcast.reasons import Code
from rollcast.states import FINAL_RECEIVER, Receiver, Transfer
from tests.people import ACME, ALICE, BOB, CAROL, GLOBEX, MALLORY
from tests.unit.steps.build import (
    HOUR,
    MINUTE,
    OTHER_T,
    SECOND,
    MiB,
    T,
    at,
    by,
    delivered,
    discarded,
    ends,
    failed,
    file,
    of,
    one,
    reported,
    request,
    whereto,
)
from tests.unit.steps.world import World
from workers.work import DropCast, DropSpool, Outcome

CLOSE_DUE = at(ACME, CloseDue(transfer_id=T))
CANCEL = CancelRequested(transfer_id=T)


async def expired(world: World) -> None:
    """End a transfer before anything of its receivers has come."""
    created_at = (await world.transfer()).created_at
    await world.change(expires_at=created_at, ending_at=1, reason=Code.NO_RECEIPT)
    await world.tell(CLOSE_DUE)


class TestExpiry:
    """Every transfer ends, in whatever state its expiry finds it."""

    async def expire(self, world: World, *, cut_off: bool = False) -> TransferReported:
        """Let the transfer expire; afterwards nothing of it is open or reserved."""
        world.pass_time(25 * HOUR)
        outcomes = await world.settle(CLOSE_DUE)
        outcomes += await world.settle(by(BOB, discarded()), by(CAROL, discarded())) if cut_off else []
        report = reported(outcomes)
        assert report.transfer.state == Transfer.EXPIRED
        assert {receiver.state for receiver in report.receivers} <= FINAL_RECEIVER
        assert set((await world.invited_states()).values()) <= FINAL_RECEIVER
        assert (await world.transfer()).due_at is None
        return report

    async def test_requested(self, world: World) -> None:
        """Parts of the request may never have come."""
        await world.tell(by(ALICE, request([BOB], parts=2)))
        report = await self.expire(world)
        assert ends(report) == {BOB: (Receiver.EXPIRED, Code.EXPIRED)}

    async def test_held(self, world: World) -> None:
        """No room was found, so none is given back."""
        await world.settle(by(CAROL, request([BOB], transfer_id=OTHER_T, file=file(size=999 * MiB))))
        await world.asking(request())
        assert await world.state() == Transfer.HELD
        assert (await self.expire(world)).transfer.reason == Code.EXPIRED
        assert await world.reserved() == 999 * MiB

    async def test_asking(self, world: World) -> None:
        """The deadline's prompt never came."""
        await world.asking(request())
        assert (await self.expire(world)).transfer.reason == Code.EXPIRED
        assert await world.reserved() == 0

    async def test_casting_without_the_whole_file(self, world: World) -> None:
        """The sender is the one who did not do its part."""
        await world.casting(request())
        report = await self.expire(world, cut_off=True)
        assert report.transfer.reason == Code.UPLOAD_INCOMPLETE
        assert ends(report)[BOB] == (Receiver.EXPIRED, Code.UPLOAD_INCOMPLETE)

    async def test_casting_without_receipts(self, world: World) -> None:
        """The receivers are."""
        await world.casting(request())
        await world.change(uploaded_at=1)
        report = await self.expire(world, cut_off=True)
        assert report.transfer.reason == Code.NO_RECEIPT

    async def test_with_one_receipt_it_is_partial(self, world: World) -> None:
        """What was delivered counts."""
        await world.casting(request())
        await world.settle(by(BOB, delivered()))
        world.pass_time(25 * HOUR)
        await world.settle(CLOSE_DUE)
        report = reported(await world.settle(by(CAROL, discarded())))
        assert report.transfer.state == Transfer.PARTIAL
        assert ends(report) == {
            BOB: (Receiver.DELIVERED, None),
            CAROL: (Receiver.EXPIRED, Code.UPLOAD_INCOMPLETE),
        }

    async def test_a_round_closed_at_the_expiry_ends_as_such(self, world: World) -> None:
        """Consent time and expiry may be the same instant."""
        await world.asking(request(consent_timeout=60_000, expires=60_000))
        world.pass_time(HOUR)
        report = reported(await world.settle(at(ACME, RoundDue(transfer_id=T))))
        assert report.transfer.state == Transfer.DECLINED


class TestCancel:
    """The sender takes its transfer back."""

    @pytest.mark.parametrize("upload", ["live", "eager"])
    async def test_while_asking(self, world: World, upload: str) -> None:
        """Receivers hear that the file will not come."""
        await world.asking(request(upload=upload))
        outcomes = await world.settle(by(ALICE, CANCEL))
        report = reported(outcomes)
        assert (report.transfer.state, report.transfer.reason) == (Transfer.CANCELLED, Code.CANCELLED)
        assert set(ends(report).values()) == {(Receiver.CANCELLED, Code.CANCELLED)}
        assert sorted(map(str, whereto(outcomes, TransferEnded))) == [f"('{a}', None)" for a in (BOB, CAROL)]

    async def test_before_the_sender_was_checked(self, world: World) -> None:
        """Nobody was invited, so nothing is to be closed elsewhere."""
        await world.tell(by(ALICE, request()))
        outcomes = await world.settle(by(ALICE, CANCEL))
        assert reported(outcomes).transfer.state == Transfer.CANCELLED
        assert not of(outcomes, TransferClosed)

    async def test_while_casting(self, world: World) -> None:
        """Who has the file has it; the others confirm that nothing is left of it."""
        await world.casting(request())
        await world.settle(by(BOB, delivered()))
        assert not of(await world.settle(by(ALICE, CANCEL)), TransferReported)
        report = reported(await world.settle(by(CAROL, discarded())))
        assert report.transfer.state == Transfer.PARTIAL
        assert ends(report) == {
            BOB: (Receiver.DELIVERED, None),
            CAROL: (Receiver.CANCELLED, Code.CANCELLED),
        }

    async def test_who_is_silent_is_unconfirmed(self, world: World) -> None:
        """After a minute; a confirmation that comes later corrects the report."""
        await world.casting(request())
        await world.settle(by(ALICE, CANCEL))
        await world.settle(by(BOB, discarded()))
        assert not of(await world.settle(CLOSE_DUE), TransferReported)
        world.pass_time(MINUTE)
        report = reported(await world.settle(CLOSE_DUE))
        assert (report.transfer.state, report.transfer.report_version) == (Transfer.CANCELLED, 1)
        assert ends(report) == {
            BOB: (Receiver.CANCELLED, Code.CANCELLED),
            CAROL: (Receiver.CANCELLED, Code.UNCONFIRMED),
        }
        report = reported(await world.settle(by(CAROL, discarded())))
        assert report.transfer.report_version == 2
        assert ends(report)[CAROL] == (Receiver.CANCELLED, Code.CANCELLED)

    async def test_a_receipt_comes_first(self, world: World) -> None:
        """A receiver that was about to name its file when it was cut off has the file."""
        await world.casting(request())
        await world.settle(by(ALICE, CANCEL))
        report = reported(await world.settle(by(BOB, discarded()), by(CAROL, delivered())))
        assert report.transfer.state == Transfer.PARTIAL
        assert ends(report)[CAROL] == (Receiver.DELIVERED, None)

    async def test_who_could_not_store_it_has_nothing_left(self, world: World) -> None:
        """A receipt that says so, and crosses the closing, confirms that."""
        await world.casting(request())
        await world.settle(by(ALICE, CANCEL))
        report = reported(await world.settle(by(BOB, discarded()), by(CAROL, failed())))
        assert ends(report)[CAROL] == (Receiver.CANCELLED, Code.CANCELLED)

    async def test_because_the_file_changed(self, world: World) -> None:
        """Another reason, another end."""
        await world.casting(request())
        changed = CancelRequested(transfer_id=T, reason="source_changed", detail="it grew")
        await world.settle(by(ALICE, changed))
        report = reported(await world.settle(by(BOB, discarded()), by(CAROL, discarded())))
        assert (report.transfer.state, report.transfer.reason) == (Transfer.FAILED, Code.SOURCE_CHANGED)
        assert report.transfer.detail == "it grew"
        assert set(ends(report).values()) == {(Receiver.FAILED, Code.SOURCE_CHANGED)}

    async def test_twice(self, world: World) -> None:
        """Once is enough."""
        await world.casting(request())
        await world.settle(by(ALICE, CANCEL))
        before = await world.transfer()
        assert await world.tell(by(ALICE, CANCEL)) == []
        assert await world.transfer() == before

    @pytest.mark.parametrize("origin", [MALLORY, BOB])
    async def test_only_by_its_sender(self, world: World, origin: str) -> None:
        """Nothing is told to anybody else, not even that it exists."""
        await world.casting(request())
        with pytest.raises(IdentityError):
            await world.tell(by(origin, CANCEL))
        with pytest.raises(IdentityError):
            await world.tell(by(ALICE, CancelRequested(transfer_id=OTHER_T)))
        assert await world.state() == Transfer.CASTING


class TestCleanUp:
    """When every invited server has closed its half."""

    async def ended(self, world: World) -> None:
        """A cancelled transfer whose closings are under way."""
        await world.asking(request(upload="eager"))
        await world.tell(by(ALICE, CANCEL))

    async def confirm(self, world: World, *domains: str) -> list[Outcome]:
        """These domains have closed their half."""
        return await world.tell(
            *(at(ACME, ClosingConfirmed(transfer_id=T, domain=domain)) for domain in domains)
        )

    async def test_the_spools_room_is_free_at_once(self, world: World) -> None:
        """Whether all servers confirm the closing or one never does."""
        await world.asking(request(upload="eager"))
        await world.spool(range(5))
        outcomes = await world.tell(by(ALICE, CANCEL))
        assert of(outcomes, DropSpool) == [DropSpool(T)]
        assert (await world.reserved(), await world.chunks()) == (0, 0)

    async def test_the_last_confirmation_cleans_up(self, world: World) -> None:
        """The cast goes, and nothing is due any more."""
        await self.ended(world)
        assert await self.confirm(world, ACME) == []
        outcomes = await self.confirm(world, GLOBEX)
        assert outcomes == [DropCast(ALICE, T)]
        assert (await world.transfer()).due_at is None

    async def test_it_is_not_over_while_a_receipt_is_missing(self, world: World) -> None:
        """A server that knows of a receipt that did not come here is asked again, until it has come."""
        await world.casting(request([CAROL]))
        await expired(world)
        lost = at(ACME, ClosingConfirmed(transfer_id=T, domain=GLOBEX, delivered=1))
        assert await world.tell(lost) == []
        assert whereto(await world.tell(CLOSE_DUE), TransferClosed) == [GLOBEX]
        await world.settle(by(CAROL, delivered()))
        assert await world.tell(lost) == [DropCast(ALICE, T)]
        assert (await world.transfer()).due_at is None

    async def test_a_receipt_of_somebody_else_is_not_waited_for_for_ever(self, world: World) -> None:
        """Whoever is not on the list may have told its server of one."""
        await world.casting(request([CAROL]))
        await expired(world)
        more = at(ACME, ClosingConfirmed(transfer_id=T, domain=GLOBEX, delivered=1))
        assert await world.tell(more) == []
        world.pass_time(3_600 * SECOND)
        assert await world.tell(more) == [DropCast(ALICE, T)]

    async def test_the_room_is_given_back_once(self, world: World) -> None:
        """However often the closing is confirmed."""
        await world.settle(by(CAROL, request([BOB], transfer_id=OTHER_T, file=file(size=500 * MiB))))
        await self.ended(world)
        for _ in range(3):
            await self.confirm(world, ACME, GLOBEX, GLOBEX)
            await world.tell(CLOSE_DUE)
        assert await world.reserved() == 500 * MiB

    async def test_until_then_the_closing_is_told_again(self, world: World) -> None:
        """A prompt is answered with what the ledger says."""
        await self.ended(world)
        outcomes = await world.tell(CLOSE_DUE)
        assert whereto(outcomes, TransferClosed) == [ACME, GLOBEX]
        closed = one(outcomes[:2], TransferClosed)
        assert (closed.state, closed.reason, closed.sender_domain) == (
            Transfer.CANCELLED,
            Code.CANCELLED,
            ACME,
        )

    async def test_a_confirmation_before_the_end_is_nothing(self, world: World) -> None:
        """Nor is one for a transfer that is not known."""
        await world.casting(request())
        assert await self.confirm(world, ACME, GLOBEX) == []
        unknown = ClosingConfirmed(transfer_id=OTHER_T, domain=ACME)
        assert await world.tell(at(ACME, unknown)) == []
        assert await world.reserved() == 300 * MiB

    async def test_a_refused_transfer_has_nothing_to_clean_up(self, world: World) -> None:
        """The clock does not look at it again."""
        await world.tell(by(ALICE, request(list_policy="at_least:9")))
        transfer = await world.transfer()
        assert (transfer.state, transfer.due_at) == (Transfer.REFUSED, None)
