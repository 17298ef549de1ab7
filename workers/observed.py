"""What is counted, timed and logged when a transfer moves on: by the ledger's clock, and only if it is committed."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import Row, func, select

from rollcast.messages.values import MAX_TEXT, ReceiverStatus
from rollcast.reasons import Code
from rollcast.states import Receiver, Transfer
from workers import metrics
from workers.ledger import Ledger, sent
from workers.ledger.tables import sent_receivers

log = structlog.get_logger()


def began(transfer: Row[Any], receivers: int, ledger: Ledger) -> None:
    """A transfer goes to the roll call."""
    size = sent.request_of(transfer).file.size
    _log(ledger, "a transfer begins", transfer.transfer_id, transfer.sender, size=size, receivers=receivers)


def resolved(transfer: Row[Any], ledger: Ledger) -> None:
    """The new receiver list was made."""
    ledger.on_commit(functools.partial(metrics.ROLL_CALL.observe, _seconds(transfer.created_at, ledger.now)))


def refused(transfer_id: str, sender: str, code: Code, detail: str, ledger: Ledger) -> None:
    """A transfer ended before it had begun."""
    ledger.on_commit(metrics.TRANSFERS_ENDED.labels(state=Transfer.REFUSED).inc)
    _log(ledger, "a transfer is refused", transfer_id, sender, reason=code, detail=detail[:MAX_TEXT])


def ended(
    transfer: Row[Any], state: Transfer, reason: Code | None, tally: Mapping[Receiver, int], ledger: Ledger
) -> None:
    """A transfer, as it was, ends in this state with these receivers."""
    ledger.on_commit(metrics.TRANSFERS_ENDED.labels(state=state).inc)
    duration_s = round(_seconds(transfer.created_at, ledger.now), 1)
    end = {"state": state, "reason": reason, "counts": _counts(tally), "duration_s": duration_s}
    _log(ledger, "a transfer has ended", transfer.transfer_id, transfer.sender, **end)
    for receiver, number in tally.items():
        ledger.on_commit(functools.partial(metrics.RECEIVERS_ENDED.labels(state=receiver).inc, number))
    if transfer.state == Transfer.CASTING:
        seconds = _seconds(transfer.resolved_at, ledger.now)
        ledger.on_commit(functools.partial(metrics.DELIVERY.labels(state=state).observe, seconds))


def corrected(transfer: Row[Any], state: Transfer, tally: Mapping[Receiver, int], ledger: Ledger) -> None:
    """What came after the end of a transfer has changed how it ended."""
    end = {"state": state, "counts": _counts(tally)}
    _log(ledger, "the end of a transfer is corrected", transfer.transfer_id, transfer.sender, **end)


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


def _counts(tally: Mapping[Receiver, int]) -> dict[str, int]:
    return {str(state): number for state, number in tally.items() if number}


def _log(ledger: Ledger, event: str, transfer_id: str, sender: str, **said: object) -> None:
    ledger.on_commit(functools.partial(log.info, event, transfer=transfer_id, sender=sender, **said))
