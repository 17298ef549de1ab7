"""The sender's half of S310: when has a transfer ended, and how; the report, and the closing everywhere."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, update

from rollcast.addresses import domain_of
from rollcast.errors import IdentityError
from rollcast.messages import (
    CancelRequested,
    ClosingConfirmed,
    TransferClosed,
)
from rollcast.reasons import Code
from rollcast.states import CONSENT, FINAL_TRANSFER, ON_THE_LIST, Receiver, Transfer
from workers import observed, reports, room
from workers.ending.causes import Ending, Tally, ending_of, final_state
from workers.ledger import Ledger, roll, sent
from workers.ledger.tables import sent_chunks, sent_domains, spool_usage
from workers.work import DropCast, DropSpool, Outcome, ToStep


async def cancel(origin: str, message: CancelRequested, ledger: Ledger) -> list[Outcome]:
    """The sender takes its transfer back."""
    transfer = (await sent.lock(ledger, [message.transfer_id])).get(message.transfer_id)
    if transfer is None or transfer.sender != origin:
        raise IdentityError(f"{origin} cancels {message.transfer_id}, which is not its transfer")
    if transfer.state in FINAL_TRANSFER or transfer.ending_at is not None:
        return []
    if transfer.reason not in {Code.SOURCE_CHANGED, Code.CANCELLED}:
        await sent.change(ledger, message.transfer_id, reason=Code(message.reason), detail=message.detail)
    return await see_whether_ended(message.transfer_id, ledger)


async def see_whether_ended(transfer_id: str, ledger: Ledger) -> list[Outcome]:
    """End the transfer if its time, its list or a reason says so; if it has ended, go on closing it."""
    transfer = (await sent.lock(ledger, [transfer_id])).get(transfer_id)
    if transfer is None:
        return []
    if transfer.state in FINAL_TRANSFER:
        return await _closings(transfer, ledger)
    tally = await roll.tally(ledger, transfer_id)
    ending = ending_of(transfer, tally, ledger.now)
    if ending is None:
        return await _settle(transfer, tally, ledger)
    if ending.cuts_off(transfer, tally) and ledger.now < _patience(transfer, ledger.now):
        return await _cut_off(transfer, ending, ledger)
    return await _end(transfer, ending, ledger)


async def confirm(message: ClosingConfirmed, ledger: Ledger) -> list[Outcome]:
    """A server has closed its half; when all have, and the transfer has ended, nothing is due any more.

    While it knows of more receipts than have come here, some are on their way or lost: it is asked again, until it is
    clear that they are of somebody who is not on the list.
    """
    transfer_id = message.transfer_id
    transfer = (await sent.lock(ledger, [transfer_id])).get(transfer_id)
    if transfer is None or (transfer.state not in FINAL_TRANSFER and transfer.ending_at is None):
        return []
    waits = ledger.now < transfer.expires_at + sent.RECEIPTS_WITHIN
    if waits and message.delivered > await _receipts_of(transfer_id, message.domain, ledger):
        return []
    await ledger.execute(
        update(sent_domains)
        .where(sent_domains.c.transfer_id == transfer_id, sent_domains.c.domain == message.domain)
        .where(sent_domains.c.confirmed_at.is_(None))
        .values(confirmed_at=ledger.now)
    )
    if transfer.state not in FINAL_TRANSFER or await sent.unconfirmed_domains(ledger, transfer_id):
        return []
    return [DropCast(transfer.sender, transfer.transfer_id)]


async def _receipts_of(transfer_id: str, domain: str, ledger: Ledger) -> int:
    """How many of a domain have sent a receipt, one that was not believed included."""
    tally = await roll.tally(ledger, transfer_id, domain)
    return tally.get(Receiver.DELIVERED, 0) + tally.get(Receiver.FAILED, 0)


def _patience(transfer: Row[Any], now: int) -> int:
    return int(transfer.ending_at or now) + sent.CONFIRMED_WITHIN


async def _settle(transfer: Row[Any], tally: Tally, ledger: Ledger) -> list[Outcome]:
    """Nobody receives any more, or yet, and some may still join the list: that is worth a report.

    Whoever changes what one has said takes `finished_at` back.
    """
    receiving = transfer.state == Transfer.CASTING and any(tally.get(state) for state in ON_THE_LIST)
    if receiving or not (transfer.state == Transfer.CASTING or sent.is_open(transfer)):
        return []
    if transfer.uploaded_at is None or transfer.finished_at is not None:
        return []
    await sent.change(ledger, transfer.transfer_id, finished_at=ledger.now)
    return [await reports.publish(transfer, Transfer(transfer.state), ledger)]


async def _cut_off(transfer: Row[Any], ending: Ending, ledger: Ledger) -> list[Outcome]:
    """Those who are in the middle of it are told, and have a minute to confirm."""
    transfer_id = transfer.transfer_id
    if transfer.ending_at is None:
        reason = ending.reason_of_transfer
        await sent.change(
            ledger, transfer_id, ending_at=ledger.now, reason=reason, **sent.prompt_in(transfer, ledger.now)
        )
        await ledger.note(transfer_id, [(None, "ending", reason)])
    cut_off = await roll.receivers(ledger, transfer_id, ON_THE_LIST)
    domains = {row.domain for row in cut_off} | set(await sent.unconfirmed_domains(ledger, transfer_id))
    return _closed(transfer, sorted(domains), ending.told_as, ending.reason)


async def _end(transfer: Row[Any], ending: Ending, ledger: Ledger) -> list[Outcome]:
    transfer_id = transfer.transfer_id
    if transfer.ending_at is not None:
        await roll.move(
            ledger, transfer_id, ON_THE_LIST, ending.becomes, step="s310", reason=Code.UNCONFIRMED
        )
    undecided = ending.unfinished & {Receiver.DEFERRED}
    reason = Code.DEFERRED if ending.becomes is Receiver.EXPIRED else ending.reason
    await roll.move(ledger, transfer_id, undecided, ending.becomes, step=CONSENT, reason=reason)
    await roll.move(ledger, transfer_id, ending.unfinished, ending.becomes, step="s310", reason=ending.reason)
    tally = await roll.tally(ledger, transfer_id)
    state = final_state(transfer, tally, ending)
    explanation = _explanation(transfer, ending, state)
    observed.ended(transfer, state, explanation["reason"], tally, ledger)
    await sent.change(
        ledger,
        transfer_id,
        **explanation,
        finished_at=ledger.now,
        **sent.prompt_in(transfer, ledger.now),
    )
    report = await reports.publish(transfer, state, ledger)
    ended = (await sent.lock(ledger, [transfer_id]))[transfer_id]
    await _free(ended, ledger)
    return [report, *await _closings(ended, ledger)]


def _explanation(transfer: Row[Any], ending: Ending, state: Transfer) -> dict[str, Any]:
    """What was said of another reason, as why the transfer was held, does not explain this one."""
    reason = ending.reason_of_transfer
    if state == Transfer.COMPLETED:
        return reports.EXPLAINED
    return {"reason": reason} if reason == transfer.reason else {"reason": reason, "detail": None}


async def _closings(transfer: Row[Any], ledger: Ledger) -> list[Outcome]:
    domains = await sent.unconfirmed_domains(ledger, transfer.transfer_id)
    if not domains:
        return [DropCast(transfer.sender, transfer.transfer_id)]
    reason = Code(transfer.reason) if transfer.reason else None
    return [
        DropSpool(transfer.transfer_id),
        *_closed(transfer, domains, Transfer(transfer.state), reason),
    ]


def _closed(
    transfer: Row[Any], domains: Sequence[str], state: Transfer, reason: Code | None
) -> list[Outcome]:
    closed = TransferClosed(
        transfer_id=transfer.transfer_id, sender_domain=domain_of(transfer.sender), state=state, reason=reason
    )
    return [ToStep(domain, closed) for domain in domains]


async def _free(transfer: Row[Any], ledger: Ledger) -> None:
    """Give the spool's room back; a server that never confirms the closing does not keep it."""
    if transfer.reserved:
        await room.call_held(ledger)
        await ledger.execute(update(spool_usage).values(reserved=spool_usage.c.reserved - transfer.reserved))
    await ledger.execute(delete(sent_chunks).where(sent_chunks.c.transfer_id == transfer.transfer_id))
    await sent.change(ledger, transfer.transfer_id, reserved=0)
