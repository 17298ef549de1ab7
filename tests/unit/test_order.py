"""The order in which a batch is handled."""

from rollcast.messages import (
    AccountRequested,
    CancelRequested,
    CloseDue,
    Query,
    ReceiptReported,
    ReceiversInvited,
    Register,
)
from rollcast.messages.values import Offer
from tests.people import ACME, ALICE, BOB, CAROL, GLOBEX, OPERATOR
from tests.unit.steps.build import OTHER_T, SESSION, T, at, by, file
from workers.order import in_order


def test_by_transfer_and_within_it_as_they_came() -> None:
    """Whatever is locked twice is locked in one order."""
    last, first = at(ACME, CloseDue(transfer_id=OTHER_T)), at(ACME, CloseDue(transfer_id=T))
    cancelled = by(ALICE, CancelRequested(transfer_id=OTHER_T))
    assert in_order([last, cancelled, first]) == [first, last, cancelled]


def test_the_halves_of_a_transfer_are_not_mixed() -> None:
    """What is heard as the receivers' server comes after all else."""
    receipt = by(BOB, ReceiptReported(transfer_id=T, outcome="failed", bytes=0))
    closing = at(ACME, CloseDue(transfer_id=OTHER_T))
    assert in_order([receipt, closing]) == [closing, receipt]


def test_an_invitation_is_about_the_transfer_that_it_offers() -> None:
    """It has no other word for it."""
    offers = [
        Offer(
            transfer_id=transfer_id,
            sender=ALICE,
            file=file(),
            chunk_size=65_536,
            created_at=1,
            consent_deadline=2,
            expires_at=3,
        )
        for transfer_id in (OTHER_T, T)
    ]
    last, first = (at(GLOBEX, ReceiversInvited(offer=offer, receivers=[CAROL])) for offer in offers)
    assert in_order([last, first]) == [first, last]


def test_what_is_about_no_transfer_goes_by_its_account() -> None:
    """The one that registers, or that an operator changes."""
    first, again, last = by(ALICE, Register(session=SESSION)), by(ALICE, Query()), by(CAROL, Register())
    bobs = by(OPERATOR, AccountRequested(action="suspend", address=BOB))
    assert in_order([last, bobs, first, again]) == [first, again, bobs, last]
