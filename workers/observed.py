"""What is counted and timed when a transfer moves on: by the ledger's clock, and only when that is committed."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, func, select

from rollcast.messages.values import ReceiverStatus
from rollcast.states import Receiver, Transfer
from workers import metrics
from workers.ledger import Ledger, sent
from workers.ledger.tables import sent_receivers


def resolved(transfer: Row[Any], ledger: Ledger) -> None:
    """The new receiver list was made."""
    ledger.on_commit(functools.partial(metrics.ROLL_CALL.observe, _seconds(transfer.created_at, ledger.now)))


def refused(ledger: Ledger) -> None:
    """A transfer ended before it had begun."""
    ledger.on_commit(metrics.TRANSFERS_ENDED.labels(state=Transfer.REFUSED).inc)


def ended(transfer: Row[Any], state: Transfer, tally: Mapping[Receiver, int], ledger: Ledger) -> None:
    """A transfer, as it was, ends in this state with these receivers."""
    ledger.on_commit(metrics.TRANSFERS_ENDED.labels(state=state).inc)
    for receiver, number in tally.items():
        ledger.on_commit(functools.partial(metrics.RECEIVERS_ENDED.labels(state=receiver).inc, number))
    if transfer.state == Transfer.CASTING:
        seconds = _seconds(transfer.resolved_at, ledger.now)
        ledger.on_commit(functools.partial(metrics.DELIVERY.labels(state=state).observe, seconds))


async def received(transfer: Row[Any], ends: Sequence[ReceiverStatus], ledger: Ledger) -> None:
    """Of these receivers, the ends of which are news, some have sent their receipt."""
    have_it = [end.address for end in ends if end.state == Receiver.DELIVERED]
    if not have_it:
        return
    size = sent.request_of(transfer).file.size
    ledger.on_commit(functools.partial(metrics.BYTES_DELIVERED.inc, size * len(have_it)))
    # Of who came onto the list later it is not known when.
    early = await ledger.count(
        select(func.count()).where(
            sent_receivers.c.transfer_id == transfer.transfer_id,
            sent_receivers.c.address.in_(have_it),
            sent_receivers.c.listed_in == 1,
        )
    )
    seconds = _seconds(_obtainable_since(transfer, ledger.now), ledger.now)
    for _ in range(early):
        ledger.on_commit(functools.partial(metrics.RECEIPT.observe, seconds))


def _obtainable_since(transfer: Row[Any], now: int) -> int:
    """When those on the list could have the whole file; receipts may come before the spool is verified."""
    return max(transfer.resolved_at or now, transfer.uploaded_at or now)


def _seconds(start: int, end: int) -> float:
    return max(0, end - start) / sent.SECOND
