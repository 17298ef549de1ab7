"""How a transfer ends: a table of causes, the first that holds counts."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Row

from rollcast.reasons import Code
from rollcast.states import ON_THE_LIST, OPEN_RECEIVER, Receiver, Transfer
from workers.additions import unmet
from workers.ledger import sent

Tally = Mapping[Receiver, int]


class Ending(NamedTuple):
    """What becomes of the receivers in `unfinished`, and of the transfer if nothing was delivered.

    `state` None: the receivers' ends decide.
    """

    unfinished: frozenset[Receiver]
    becomes: Receiver
    reason: Code
    reason_of_transfer: Code | None
    state: Transfer | None

    def cuts_off(self, transfer: Row[Any], tally: Tally) -> bool:
        """Whether receivers on the list are in the middle of it, and have to remove what they have."""
        on_the_list = self.unfinished & ON_THE_LIST
        return transfer.state == Transfer.CASTING and any(tally.get(state) for state in on_the_list)

    @property
    def told_as(self) -> Transfer:
        """The state that those are told who do not get the file any more."""
        return Transfer.EXPIRED if self.becomes is Receiver.EXPIRED else self.state or Transfer.FAILED


def ending_of(transfer: Row[Any], tally: Tally, now: int) -> Ending | None:
    """The ending that has come, or None if the transfer goes on."""
    if transfer.reason == Code.SOURCE_CHANGED:
        return Ending(OPEN_RECEIVER, Receiver.FAILED, Code.SOURCE_CHANGED, Code.SOURCE_CHANGED, None)
    if transfer.reason == Code.CANCELLED:
        return Ending(OPEN_RECEIVER, Receiver.CANCELLED, Code.CANCELLED, Code.CANCELLED, Transfer.CANCELLED)
    if transfer.ending_at is not None:
        reason = Code(transfer.reason)
        return Ending(OPEN_RECEIVER, Receiver.EXPIRED, reason, reason, Transfer.EXPIRED)
    if transfer.state == Transfer.ASKING and transfer.list_version and _not_cast(transfer):
        return _undelivered(transfer)
    if transfer.state == Transfer.CASTING and not any(tally.get(state) for state in OPEN_RECEIVER):
        return Ending(frozenset(), Receiver.FAILED, Code.NO_RECEIPT, None, None)
    if now >= transfer.expires_at:
        return _expired(transfer, tally)
    return None


def final_state(transfer: Row[Any], tally: Tally, ending: Ending | None) -> Transfer:
    """The state that goes with these ends of its receivers."""
    delivered, requested = tally.get(Receiver.DELIVERED, 0), sum(tally.values())
    if delivered and delivered == requested:
        return Transfer.COMPLETED
    if delivered:
        return Transfer.PARTIAL
    if ending is None:
        return Transfer(transfer.state)
    return ending.state or Transfer.FAILED


def _not_cast(transfer: Row[Any]) -> bool:
    return transfer.reason is not None or sent.request_of(transfer).dry_run


def _undelivered(transfer: Row[Any]) -> Ending:
    if transfer.reason is None:
        return Ending(frozenset(), Receiver.ACCEPTED, Code.CANCELLED, None, Transfer.LISTED)
    reason = Code(transfer.reason)
    return Ending(OPEN_RECEIVER, Receiver.CANCELLED, reason, reason, Transfer.DECLINED)


def _expired(transfer: Row[Any], tally: Tally) -> Ending:
    reason, state = Code.EXPIRED, Transfer.EXPIRED
    if transfer.state == Transfer.ASKING and transfer.list_version:
        reason, state = unmet([r for r in ON_THE_LIST if tally.get(r)]), Transfer.DECLINED
    elif transfer.state == Transfer.CASTING and any(tally.get(r) for r in ON_THE_LIST):
        reason = Code.UPLOAD_INCOMPLETE if transfer.uploaded_at is None else Code.NO_RECEIPT
    return Ending(OPEN_RECEIVER, Receiver.EXPIRED, reason, reason, state)
