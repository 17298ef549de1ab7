"""S310 at the receivers' server: receipts, and the closing of its half."""

import pytest

from rollcast.errors import IdentityError, InvalidMessage
from rollcast.messages import (
    ClosingConfirmed,
    ReceiptRecorded,
    ReceiptReported,
    ReceiversFinished,
    TransferClosed,
    TransferEnded,
)
from rollcast.messages.values import Hashes
from rollcast.reasons import Code
from rollcast.states import Receiver, Transfer
from tests.people import ACME, BOB, CAROL, DAVE, GLOBEX, INITECH, MALLORY, NOBODY
from tests.unit.steps.build import (
    HOUR,
    OTHER_T,
    WRONG,
    MiB,
    T,
    accept,
    at,
    by,
    delivered,
    discarded,
    failed,
    file,
    of,
    one,
    reject,
    request,
    whereto,
)
from tests.unit.steps.world import World
from workers.work import DropLanes

CLOSED = TransferClosed(transfer_id=T, sender_domain=ACME, state=Transfer.CANCELLED, reason=Code.CANCELLED)


class TestReceipts:
    """At the receiver's server."""

    async def test_a_receipt_is_written_down_and_answered(self, world: World) -> None:
        """The sender's server hears of it, and the receiver that it is recorded."""
        await world.casting(request())
        receipt = by(CAROL, delivered(stored_as="report (2).pdf"), reply_to="r", correlation_id="1")
        outcomes = await world.tell(receipt)
        assert whereto(outcomes, ReceiptRecorded) == [receipt]
        assert whereto(outcomes, ReceiversFinished) == [ACME]
        (status,) = one(outcomes, ReceiversFinished).receivers
        assert (status.address, status.state, status.bytes) == (CAROL, Receiver.DELIVERED, 300 * MiB)
        assert status.stored_as == "report (2).pdf"
        assert status.delivered_at is not None

    async def test_a_repeated_receipt_is_announced_again(self, world: World) -> None:
        """With the same instant and revision."""
        await world.casting(request())
        first = await world.tell(by(CAROL, delivered()))
        world.pass_time(HOUR)
        assert await world.tell(by(CAROL, delivered())) == first

    async def test_a_failure_carries_its_detail(self, world: World) -> None:
        """The transfer goes on for the others."""
        await world.casting(request())
        outcomes = await world.settle(by(CAROL, failed(bytes=7, detail="disk full")))
        (status,) = one(outcomes, ReceiversFinished).receivers
        assert (status.state, status.reason) == (Receiver.FAILED, Code.NOT_STORED)
        assert (status.bytes, status.detail) == (7, "disk full")
        assert await world.state() == Transfer.CASTING

    async def test_a_failure_never_counts_more_bytes_than_the_file_has(self, world: World) -> None:
        """Whatever a receiver says."""
        await world.casting(request())
        await world.tell(by(CAROL, failed(bytes=2**46)))
        assert (await world.invited())[CAROL].bytes == 300 * MiB

    async def test_delivered_outranks_a_failure(self, world: World) -> None:
        """In either order."""
        await world.casting(request())
        await world.tell(by(BOB, failed()), by(BOB, delivered()))
        await world.tell(by(CAROL, delivered()), by(CAROL, failed()))
        assert set((await world.invited_states()).values()) == {Receiver.DELIVERED}

    @pytest.mark.parametrize(
        "receipt", [delivered(size=1), delivered(digests=WRONG), delivered(digests=None)]
    )
    async def test_a_receipt_for_another_file_is_not_valid(
        self, world: World, receipt: ReceiptReported
    ) -> None:
        """Size and digest are the offer's, or nothing was delivered."""
        await world.casting(request())
        with pytest.raises(InvalidMessage):
            await world.tell(by(CAROL, receipt))
        assert (await world.invited_states())[CAROL] == Receiver.RECEIVING

    async def test_only_those_who_accepted_send_receipts(self, world: World) -> None:
        """Not those still asked, not those who rejected or never could, not strangers."""
        await world.asking(request([BOB, CAROL, NOBODY]))
        await world.tell(by(CAROL, reject()))
        for address in (BOB, CAROL, NOBODY, MALLORY):
            with pytest.raises(IdentityError):
                await world.tell(by(address, delivered()))
        with pytest.raises(IdentityError):
            await world.tell(by(BOB, delivered(transfer_id=OTHER_T)))

    async def test_nobody_has_it_before_a_lane_was_opened(self, world: World) -> None:
        """The digest stands in the question, so that whoever was asked can name it; nothing was sent yet."""
        await world.asking(request([BOB, CAROL], dry_run=True))
        await world.tell(by(CAROL, accept()))
        with pytest.raises(IdentityError):
            await world.tell(by(CAROL, delivered()))
        assert (await world.invited_states())[CAROL] == Receiver.ACCEPTED
        await world.tell(by(CAROL, failed()))
        assert (await world.invited_states())[CAROL] == Receiver.FAILED

    async def test_a_receipt_after_the_closing_counts(self, world: World) -> None:
        """The file is there."""
        await world.casting(request())
        await world.tell(at(GLOBEX, CLOSED))
        await world.tell(by(CAROL, delivered()))
        assert (await world.invited_states())[CAROL] == Receiver.DELIVERED


class TestClosing:
    """At the receiver's server, when the transfer has ended."""

    async def test_receipts_are_announced_once_more(self, world: World) -> None:
        """The announcement may have been lost with a queue, and after this nobody asks for it again."""
        await world.casting(request([BOB, CAROL, DAVE]))
        await world.tell(by(DAVE, delivered()))
        outcomes = await world.tell(at(GLOBEX, CLOSED))
        (receiver,) = one(outcomes, ReceiversFinished).receivers
        assert (receiver.address, receiver.state) == (DAVE, Receiver.DELIVERED)
        assert whereto(outcomes, ReceiversFinished) == [ACME]
        assert one(outcomes, ClosingConfirmed).delivered == 1

    async def test_when_all_have_it_nothing_is_announced(self, world: World) -> None:
        """The sender's server had all receipts, or it would not say so."""
        await world.casting(request())
        await world.tell(by(CAROL, delivered()))
        completed = TransferClosed(transfer_id=T, sender_domain=ACME, state=Transfer.COMPLETED)
        outcomes = await world.tell(at(GLOBEX, completed))
        assert of(outcomes, ReceiversFinished) == []
        assert one(outcomes, ClosingConfirmed).delivered == 1

    async def test_lanes_are_dropped_and_who_waits_is_told(self, world: World) -> None:
        """The sender's server hears that this half is closed."""
        await world.casting(request([BOB, CAROL, DAVE]))
        await world.tell(by(DAVE, delivered()))
        outcomes = await world.tell(at(GLOBEX, CLOSED))
        (drop,) = of(outcomes, DropLanes)
        assert sorted(drop.receivers) == [CAROL, DAVE]
        assert whereto(outcomes, TransferEnded) == [(CAROL, None)]
        ended = one(outcomes, TransferEnded)
        assert (ended.state, ended.reason) == (Transfer.CANCELLED, Code.CANCELLED)
        assert whereto(outcomes, ClosingConfirmed) == [ACME]
        assert one(outcomes, ClosingConfirmed).domain == GLOBEX
        states = await world.invited_states()
        assert (states[BOB], states[CAROL], states[DAVE]) == (
            Receiver.RECEIVING,
            Receiver.CANCELLED,
            Receiver.DELIVERED,
        )

    @pytest.mark.parametrize(
        ("state", "becomes"),
        [
            (Transfer.EXPIRED, Receiver.EXPIRED),
            (Transfer.CANCELLED, Receiver.CANCELLED),
            (Transfer.PARTIAL, Receiver.CANCELLED),
        ],
    )
    async def test_each_end_has_a_reason(self, world: World, state: Transfer, becomes: Receiver) -> None:
        """Even if the transfer's end has none."""
        await world.casting(request())
        closed = TransferClosed(transfer_id=T, sender_domain=ACME, state=state)
        await world.tell(at(GLOBEX, closed))
        row = (await world.invited())[CAROL]
        assert row.state == becomes
        assert row.reason is not None

    async def test_who_did_not_answer_is_told_that(self, world: World) -> None:
        """Nobody cancelled a transfer that went on without it."""
        await world.asking(request())
        closed = TransferClosed(transfer_id=T, sender_domain=ACME, state=Transfer.PARTIAL)
        ended = one(await world.tell(at(GLOBEX, closed)), TransferEnded)
        assert (ended.state, ended.reason) == (Transfer.PARTIAL, Code.NO_ANSWER)

    async def test_a_repeated_closing_is_confirmed_again(self, world: World) -> None:
        """And told again to those only who have not confirmed it."""
        await world.casting(request([CAROL, DAVE]))
        await world.tell(at(GLOBEX, CLOSED))
        await world.tell(by(CAROL, discarded()))
        outcomes = await world.tell(at(GLOBEX, CLOSED))
        assert of(outcomes, ClosingConfirmed)
        assert whereto(outcomes, TransferEnded) == [(DAVE, None)]

    async def test_what_is_removed_is_confirmed(self, world: World) -> None:
        """The sender's server hears of it, each time it is said."""
        await world.casting(request())
        await world.tell(at(GLOBEX, CLOSED))
        receipt = by(CAROL, discarded(), reply_to="r", correlation_id="1")
        for _ in range(2):
            outcomes = await world.tell(receipt)
            assert whereto(outcomes, ReceiptRecorded) == [receipt]
            (status,) = one(outcomes, ReceiversFinished).receivers
            assert (status.state, status.reason) == (Receiver.CANCELLED, Code.CANCELLED)

    async def test_who_had_nothing_confirms_nothing(self, world: World) -> None:
        """Neither one that was only asked, nor one whose file still comes."""
        await world.asking(request())
        for _ in range(2):
            outcomes = await world.tell(by(BOB, discarded()))
            assert not of(outcomes, ReceiversFinished)
            await world.settle(by(BOB, accept()), by(CAROL, accept()))
        assert (await world.invited_states())[BOB] == Receiver.RECEIVING

    async def test_an_unknown_transfer_is_confirmed(self, world: World) -> None:
        """Or the sender's server would ask for ever."""
        outcomes = await world.tell(at(GLOBEX, CLOSED))
        assert len(of(outcomes, ClosingConfirmed)) == 1

    async def test_another_domain_does_not_close_it(self, world: World) -> None:
        """Its own transfer, under the same id, has nothing here."""
        await world.casting(request())
        closed = TransferClosed(transfer_id=T, sender_domain=INITECH, state=Transfer.CANCELLED)
        outcomes = await world.tell(at(GLOBEX, closed))
        assert whereto(outcomes, ClosingConfirmed) == [INITECH]
        assert len(outcomes) == 1
        assert (await world.invited_states())[CAROL] == Receiver.RECEIVING


async def test_an_offers_second_digest_is_no_part_of_the_receipt(world: World) -> None:
    """BLAKE3 decides; a receiver need not compute both."""
    both = Hashes(blake3="c" * 64, sha256="e" * 64)
    await world.casting(request(file=file(hash=both)))
    await world.tell(by(CAROL, delivered()))
    assert (await world.invited_states())[CAROL] == Receiver.DELIVERED
