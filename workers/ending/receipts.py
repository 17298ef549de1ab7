"""The receivers' half of S310: receipts are facts, written down and announced; a closing is confirmed."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from rollcast.addresses import domain_of
from rollcast.errors import IdentityError, InvalidMessage
from rollcast.messages import (
    ClosingConfirmed,
    ReceiptRecorded,
    ReceiptReported,
    ReceiversFinished,
    TransferClosed,
)
from rollcast.messages.values import Offer
from rollcast.reasons import Code
from rollcast.states import FINAL_RECEIVER, ON_THE_LIST, UNANSWERED, UNDECIDED, Receiver, Transfer
from workers.batches import batches
from workers.ledger import Ledger, invited, roll
from workers.work import DropLanes, Outcome, Received, Reply, ToInboxes, ToStep

NEVER_ACCEPTED = UNDECIDED | {Receiver.REJECTED, Receiver.INCAPABLE, Receiver.UNKNOWN}


async def record(received: Received, receipt: ReceiptReported, ledger: Ledger) -> list[Outcome]:
    """Write a receipt down, once, and announce what the ledger says."""
    transfer_id, address = receipt.transfer_id, received.origin
    transfer = (await invited.transfers(ledger, [transfer_id])).get(transfer_id)
    row = (await invited.receivers(ledger, transfer_id, [address])).get(address)
    if transfer is None or row is None:
        raise IdentityError(f"{address} sends a receipt for {transfer_id}, to which it was not invited")
    recorded = Reply(received, ReceiptRecorded(transfer_id=transfer_id))
    offer = invited.offer_of(transfer)
    if receipt.outcome == "discarded" or (receipt.outcome == "failed" and invited.unconfirmed(row)):
        row = await _confirm(row, ledger)
    elif row.accepted_at is None or row.state in NEVER_ACCEPTED:
        raise IdentityError(f"{address} sends a receipt for {transfer_id}, which it has not accepted")
    elif receipt.outcome == "delivered" and row.state == Receiver.ACCEPTED:
        # S280 commits before it tells of a lane. A ledger that has lost that tells again, and hears of it again.
        raise IdentityError(f"{address} says that it has {transfer_id}, of which nothing was sent to it")
    elif _changes(receipt, Receiver(row.state)):
        await invited.change(ledger, [_change(address, receipt, offer, ledger.now)])
        row = (await invited.receivers(ledger, transfer_id, [address]))[address]
    if row.accepted_at is None or not invited.finished(row):
        return [recorded]
    finished = ReceiversFinished(transfer_id=transfer_id, receivers=[roll.status_of(row)])
    return [ToStep(domain_of(offer.sender), finished), recorded]


async def _confirm(row: Row[Any], ledger: Ledger) -> Row[Any]:
    """Nothing is left at the receiver of a file that was cut off."""
    if not invited.unconfirmed(row):
        return row
    confirmed = invited.Change(
        transfer_id=row.transfer_id,
        address=row.address,
        state=Receiver(row.state),
        step=row.step,
        reason=Code(row.reason),
        confirmed_at=ledger.now,
    )
    await invited.change(ledger, [confirmed])
    return (await invited.receivers(ledger, row.transfer_id, [row.address]))[row.address]


def _changes(receipt: ReceiptReported, state: Receiver) -> bool:
    if receipt.outcome == "delivered":
        return state != Receiver.DELIVERED
    return state in ON_THE_LIST


def _change(address: str, receipt: ReceiptReported, offer: Offer, now: int) -> invited.Change:
    if receipt.outcome == "failed":
        return invited.Change(
            transfer_id=offer.transfer_id,
            address=address,
            state=Receiver.FAILED,
            step="s310",
            reason=Code.NOT_STORED,
            detail=receipt.detail,
            bytes=min(receipt.bytes, offer.file.size),
        )
    if receipt.bytes != offer.file.size or not _same(receipt, offer):
        raise InvalidMessage(
            f"the receipt of {address} for {offer.transfer_id} is not about the file offered"
        )
    return invited.Change(
        transfer_id=offer.transfer_id,
        address=address,
        state=Receiver.DELIVERED,
        step="s310",
        bytes=receipt.bytes,
        stored_as=receipt.stored_as,
        delivered_at=now,
        blake3=offer.file.hash.blake3,
    )


def _same(receipt: ReceiptReported, offer: Offer) -> bool:
    return receipt.hash is not None and receipt.hash.blake3 == offer.file.hash.blake3


async def close(closed: TransferClosed, domain: str, ledger: Ledger) -> list[Outcome]:
    """Close this server's half for one domain: a tombstone, no more lanes, a word to whom still waits."""
    transfer_id = closed.transfer_id
    transfer = (await invited.transfers(ledger, [transfer_id])).get(transfer_id)
    if transfer is not None and domain_of(invited.offer_of(transfer).sender) != closed.sender_domain:
        # Another domain's transfer under the same id: nothing of it is here, so nothing of it is left open.
        return [_confirmed(closed, domain, [])]
    await invited.close(ledger, transfer_id)
    rows = (await invited.receivers(ledger, transfer_id)).values()
    here = [row for row in rows if domain_of(row.address) == domain]
    waiting = [row.address for row in here if row.state not in FINAL_RECEIVER]
    await invited.change(ledger, [_ended(row, closed) for row in here if row.address in waiting])
    return [
        DropLanes(transfer_id, [row.address for row in here if row.accepted_at is not None]),
        *await _goodbye(closed, waiting, ledger),
        *_receipts(closed, here),
        _confirmed(closed, domain, here),
    ]


def _receipts(closed: TransferClosed, here: Sequence[Row[Any]]) -> list[Outcome]:
    """What was announced once may have been lost, and is not prompted for any more after this."""
    if closed.state == Transfer.COMPLETED:
        return []
    told = [roll.status_of(row) for row in here if row.accepted_at is not None and invited.finished(row)]
    return [
        ToStep(closed.sender_domain, ReceiversFinished(transfer_id=closed.transfer_id, receivers=receivers))
        for receivers in batches(told)
    ]


def _confirmed(closed: TransferClosed, domain: str, here: Sequence[Row[Any]]) -> Outcome:
    delivered = sum(row.state == Receiver.DELIVERED for row in here)
    confirmed = ClosingConfirmed(transfer_id=closed.transfer_id, domain=domain, delivered=delivered)
    return ToStep(closed.sender_domain, confirmed)


def _ended(row: Row[Any], closed: TransferClosed) -> invited.Change:
    state = Receiver.EXPIRED if closed.state == Transfer.EXPIRED else Receiver.CANCELLED
    return invited.Change(
        transfer_id=row.transfer_id,
        address=row.address,
        state=state,
        step="s310",
        reason=closed.reason or _reason_without(Receiver(row.state)),
    )


def _reason_without(state: Receiver) -> Code:
    """Why a receiver does not get the file of a transfer that has no reason to end but that the others are done."""
    return Code.NO_ANSWER if state in UNANSWERED else Code.CANCELLED


async def _goodbye(closed: TransferClosed, waiting: list[str], ledger: Ledger) -> list[Outcome]:
    """A word to whom still waited, and once more to whom has not confirmed it."""
    rows = (await invited.receivers(ledger, closed.transfer_id)).values()
    return [
        ToInboxes([row.address], invited.goodbye_of(row, closed.state), ledger.now + invited.GOODBYE_LASTS)
        for row in rows
        if row.address in waiting or invited.unconfirmed(row)
    ]
