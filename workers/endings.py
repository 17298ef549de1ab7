"""How a transfer ends: a table of causes, the first that holds counts."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Row

from rollcast.reasons import Code
from rollcast.states import ON_THE_LIST, UNANSWERED, Receiver, Transfer
from workers.ledger import sent

Tally = Mapping[Receiver, int]
OPEN_RECEIVER = frozenset(UNANSWERED | ON_THE_LIST)


class Ending(NamedTuple):
    """What becomes of the receivers in `unfinished`, and of the transfer if nothing was delivered.

    `state` None: the receivers' ends decide.
    """

    unfinished: frozenset[Receiver]
    becomes: Receiver
    reason: Code
    reason_of_transfer: Code | None
    state: Transfer | None


def ending_of(transfer: Row[Any], tally: Tally, now: int) -> Ending | None:
    """The ending that has come, or None if the transfer goes on."""
    if transfer.reason == Code.SOURCE_CHANGED:
        return Ending(OPEN_RECEIVER, Receiver.FAILED, Code.SOURCE_CHANGED, Code.SOURCE_CHANGED, None)
    if transfer.reason == Code.CANCELLED:
        return Ending(OPEN_RECEIVER, Receiver.CANCELLED, Code.CANCELLED, Code.CANCELLED, Transfer.CANCELLED)
    if transfer.state == Transfer.ASKING and transfer.resolved_at is not None:
        return _undelivered(transfer)
    if transfer.state == Transfer.CASTING and not any(tally.get(state) for state in OPEN_RECEIVER):
        return Ending(frozenset(), Receiver.FAILED, Code.NO_RECEIPT, None, None)
    if now >= transfer.expires_at:
        return _expired(transfer)
    return None


def final_state(transfer: Row[Any], tally: Tally, ending: Ending | None) -> Transfer:
    """The state that goes with these ends of its receivers."""
    delivered, requested = tally.get(Receiver.DELIVERED, 0), sum(tally.values())
    if delivered == requested:
        return Transfer.COMPLETED
    if delivered:
        return Transfer.PARTIAL
    if ending is None:
        return Transfer(transfer.state)
    return ending.state or Transfer.FAILED


def _undelivered(transfer: Row[Any]) -> Ending:
    if sent.request_of(transfer).dry_run and transfer.reason is None:
        return Ending(frozenset(), Receiver.ACCEPTED, Code.CANCELLED, None, Transfer.LISTED)
    reason = Code(transfer.reason or Code.POLICY_NOT_MET)
    return Ending(ON_THE_LIST, Receiver.CANCELLED, reason, reason, Transfer.DECLINED)


def _expired(transfer: Row[Any]) -> Ending:
    if transfer.state == Transfer.CASTING and transfer.uploaded_at is None:
        reason = Code.UPLOAD_INCOMPLETE
    elif transfer.state == Transfer.CASTING:
        reason = Code.NO_RECEIPT
    else:
        reason = Code.EXPIRED
    return Ending(OPEN_RECEIVER, Receiver.EXPIRED, reason, reason, Transfer.EXPIRED)
