"""The ends of receivers, as the sender's half of S310 hears of them: before the transfer's own end, and after it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, update

from rollcast.addresses import domain_of
from rollcast.messages import ReceiversFinished, ReceiversProgressed
from rollcast.messages.values import ReceiverProgress, ReceiverStatus
from rollcast.reasons import Code
from rollcast.states import CUT_OFF, FINAL_TRANSFER, ON_THE_LIST, Receiver, Transfer
from workers import observed, reports
from workers.batches import batches
from workers.ending import receipt_checks
from workers.ending.causes import ending_of, final_state
from workers.ending.closing import see_whether_ended
from workers.ledger import Ledger, roll, sent
from workers.ledger.tables import sent_receivers
from workers.work import Outcome, ToStep


async def finish(message: ReceiversFinished, ledger: Ledger) -> list[Outcome]:
    """Receivers came to their end; so does the transfer when all on the list have."""
    transfer = (await sent.lock(ledger, [message.transfer_id])).get(message.transfer_id)
    if transfer is None:
        return []
    ends = receipt_checks.checked(message.receivers, transfer)
    if transfer.state in FINAL_TRANSFER:
        return await _finish_late(transfer, ends, ledger)
    confirmed = [end.address for end in ends if end.state in CUT_OFF]
    if transfer.ending_at is not None:
        ends = [end for end in ends if end.state not in CUT_OFF]
        await _confirm(transfer, confirmed, ledger)
    news = await roll.record(ledger, message.transfer_id, ends)
    await observed.received(transfer, news, ledger)
    if not news and not confirmed:
        return []
    if transfer.finished_at is not None:
        await sent.change(ledger, message.transfer_id, finished_at=None)
    # Who waits for a report need not be told of progress.
    return await see_whether_ended(message.transfer_id, ledger) or _progress(transfer, news)


def _progress(transfer: Row[Any], news: Sequence[ReceiverStatus]) -> list[Outcome]:
    """Who has the file reports no more, and has stored all of it."""
    stored = [
        ReceiverProgress(address=one.address, bytes=one.bytes)
        for one in news
        if one.state == Receiver.DELIVERED
    ]
    home = domain_of(transfer.sender)
    return [
        ToStep(home, ReceiversProgressed(transfer_id=transfer.transfer_id, receivers=part))
        for part in batches(stored)
    ]


async def _confirm(transfer: Row[Any], addresses: Sequence[str], ledger: Ledger) -> None:
    """Nothing is left at these receivers of what was cut off."""
    ending = ending_of(transfer, await roll.tally(ledger, transfer.transfer_id), ledger.now)
    if ending is None or not addresses:
        return
    moved = await roll.move(
        ledger,
        transfer.transfer_id,
        ON_THE_LIST,
        ending.becomes,
        addresses,
        step="s310",
        reason=ending.reason,
    )
    if moved:
        await ledger.note(transfer.transfer_id, [(a, ending.becomes, ending.reason) for a in addresses])


async def _finish_late(transfer: Row[Any], ends: Sequence[ReceiverStatus], ledger: Ledger) -> list[Outcome]:
    """The report stands, but what is delivered, or confirmed, after all corrects it."""
    transfer_id = transfer.transfer_id
    delivered = [end for end in ends if end.state == Receiver.DELIVERED]
    news = await roll.record(ledger, transfer_id, delivered)
    await observed.received(transfer, news, ledger)
    confirmed = await _confirm_late(transfer, [end.address for end in ends if end.state in CUT_OFF], ledger)
    if not news and not confirmed:
        return []
    tally = await roll.tally(ledger, transfer_id)
    state = final_state(transfer, tally, None)
    observed.corrected(transfer, state, tally, ledger)
    if state == Transfer.COMPLETED:
        await sent.change(ledger, transfer_id, **reports.EXPLAINED)
    return [await reports.publish(transfer, state, ledger)]


async def _confirm_late(transfer: Row[Any], addresses: Sequence[str], ledger: Ledger) -> bool:
    if not addresses:
        return False
    late = await ledger.execute(
        update(sent_receivers)
        .where(
            sent_receivers.c.transfer_id == transfer.transfer_id,
            sent_receivers.c.address.in_(addresses),
            sent_receivers.c.reason == Code.UNCONFIRMED,
        )
        .values(reason=transfer.reason or Code.CANCELLED)
    )
    return late.rowcount > 0
