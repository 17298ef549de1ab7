"""Transfers, receivers and their course, for tests of the command line."""

from rollcast.cli.course import Course
from rollcast.events import Accepted, ListResolved
from rollcast.messages.values import FileSelector, ReceiverStatus, TransferStatus
from rollcast.reasons import Code
from rollcast.states import Receiver, Transfer
from tests.unit.offers import NO_HASH, TRANSFER

SIZE = 1000


def transfer(state: Transfer, *, name: str = "plan.pdf", reason: Code | None = None) -> TransferStatus:
    """A transfer of alice's."""
    return TransferStatus(
        transfer_id=TRANSFER,
        state=state,
        report_version=1,
        list_version=1,
        list_policy="subset",
        sender="alice@acme",
        created_at=0,
        expires_at=60_000_000,
        file=FileSelector(name=name, size=SIZE, hash=NO_HASH),
        reason=reason,
        roll_call_us=1_500_000,
    )


def receiver(
    address: str, state: Receiver, *, reason: Code | None = None, detail: str | None = None
) -> ReceiverStatus:
    """A receiver that came so far."""
    return ReceiverStatus(
        address=address,
        state=state,
        reason=reason,
        detail=detail,
        stored_as="plan (2).pdf" if state is Receiver.DELIVERED else None,
        delivered_at=0 if state is Receiver.DELIVERED else None,
    )


def course(name: str = "plan.pdf") -> Course:
    """A transfer that the server does not know yet."""
    return Course(TRANSFER, "alice@acme", name, SIZE)


def accepted(state: Transfer = Transfer.ASKING, recipients: int = 3) -> Accepted:
    """The server takes the transfer."""
    return Accepted(
        transfer_id=TRANSFER,
        state=state,
        created_at=0,
        consent_deadline=30_000_000,
        expires_at=60_000_000,
        recipients=recipients,
    )


def resolved(*listed: str, others: tuple[ReceiverStatus, ...] = ()) -> ListResolved:
    """The new receiver list."""
    on_it = tuple(receiver(address, Receiver.ACCEPTED) for address in listed)
    return ListResolved(transfer_id=TRANSFER, list_version=1, listed=on_it, others=others, added=on_it)


def extended(first: ListResolved, *added: str) -> ListResolved:
    """The receiver list after some accepted later."""
    new = tuple(receiver(address, Receiver.ACCEPTED) for address in added)
    return ListResolved(
        transfer_id=TRANSFER,
        list_version=first.list_version + 1,
        listed=(*first.listed, *new),
        others=tuple(other for other in first.others if other.address not in added),
        added=new,
    )
