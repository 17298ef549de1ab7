"""The sender's half of S310: when has a transfer ended, and how; the report, and the closing everywhere."""

from typing import Any

from sqlalchemy import Row, select, update

from rollcast.addresses import domain_of
from rollcast.errors import IdentityError
from rollcast.messages import (
    CancelRequested,
    ClosingConfirmed,
    ReceiversFinished,
    TransferClosed,
)
from rollcast.reasons import Code
from rollcast.states import FINAL_TRANSFER, Transfer
from workers import reports
from workers.endings import ending_of, final_state
from workers.ledger import Ledger, sent
from workers.ledger.tables import sent_domains, spool_usage
from workers.work import DropCast, Outcome, Services, ToStep


async def finish(message: ReceiversFinished, ledger: Ledger) -> list[Outcome]:
    """Receivers came to their end; so does the transfer when all on the list have."""
    transfer = (await sent.lock(ledger, [message.transfer_id])).get(message.transfer_id)
    if transfer is None:
        return []
    news = await sent.record(ledger, message.transfer_id, message.receivers)
    if not news:
        return []
    if transfer.state in FINAL_TRANSFER:
        return await _correct(transfer, ledger)
    return await see_whether_ended(message.transfer_id, ledger)


async def cancel(origin: str, message: CancelRequested, ledger: Ledger) -> list[Outcome]:
    """The sender takes its transfer back."""
    transfer = (await sent.lock(ledger, [message.transfer_id])).get(message.transfer_id)
    if transfer is None or transfer.sender != origin:
        raise IdentityError(f"{origin} cancels {message.transfer_id}, which is not its transfer")
    if transfer.state in FINAL_TRANSFER or transfer.reason == Code.SOURCE_CHANGED:
        return []
    await sent.change(ledger, message.transfer_id, reason=Code(message.reason), detail=message.detail)
    return await see_whether_ended(message.transfer_id, ledger)


async def see_whether_ended(transfer_id: str, ledger: Ledger) -> list[Outcome]:
    """End the transfer if its time, its list or a reason says so; if it has ended, go on closing it."""
    transfer = (await sent.lock(ledger, [transfer_id])).get(transfer_id)
    if transfer is None:
        return []
    if transfer.state in FINAL_TRANSFER:
        return await _closings(transfer, ledger)
    tally = await sent.tally(ledger, transfer_id)
    ending = ending_of(transfer, tally, ledger.now)
    if ending is None:
        return []
    await sent.move(ledger, transfer_id, ending.unfinished, ending.becomes, step="s310", reason=ending.reason)
    state = final_state(transfer, await sent.tally(ledger, transfer_id), ending)
    await sent.change(
        ledger,
        transfer_id,
        state=state,
        reason=ending.reason_of_transfer,
        finished_at=ledger.now,
        report_version=1,
        **sent.prompt_in(ledger.now),
    )
    await ledger.note(transfer_id, [(None, state, ending.reason_of_transfer)])
    ended = (await sent.lock(ledger, [transfer_id]))[transfer_id]
    return [await reports.report(ledger, ended), *await _closings(ended, ledger)]


async def confirm(message: ClosingConfirmed, services: Services) -> list[Outcome]:
    """A server has closed its half; when all have, the spool's room is free again."""
    ledger, transfer_id = services.ledger, message.transfer_id
    transfer = (await sent.lock(ledger, [transfer_id])).get(transfer_id)
    if transfer is None or transfer.state not in FINAL_TRANSFER:
        return []
    await ledger.execute(
        update(sent_domains)
        .where(sent_domains.c.transfer_id == transfer_id, sent_domains.c.domain == message.domain)
        .values(confirmed_at=ledger.now)
    )
    return await _closings(transfer, ledger)


async def _correct(transfer: Row[Any], ledger: Ledger) -> list[Outcome]:
    tally = await sent.tally(ledger, transfer.transfer_id)
    state = final_state(transfer, tally, None)
    version = transfer.report_version + 1
    explained = {} if state != Transfer.COMPLETED else {"reason": None, "detail": None}
    await sent.change(ledger, transfer.transfer_id, state=state, report_version=version, **explained)
    await ledger.note(transfer.transfer_id, [(None, state, f"report {version}")])
    corrected = (await sent.lock(ledger, [transfer.transfer_id]))[transfer.transfer_id]
    return [await reports.report(ledger, corrected)]


async def _closings(transfer: Row[Any], ledger: Ledger) -> list[Outcome]:
    query = select(sent_domains.c.domain).where(
        sent_domains.c.transfer_id == transfer.transfer_id, sent_domains.c.confirmed_at.is_(None)
    )
    domains = [row.domain for row in await ledger.all(query)]
    if not domains:
        return await _clean_up(transfer, ledger)
    closed = TransferClosed(
        transfer_id=transfer.transfer_id,
        sender_domain=domain_of(transfer.sender),
        state=Transfer(transfer.state),
        reason=Code(transfer.reason) if transfer.reason else None,
    )
    return [ToStep(domain, closed) for domain in domains]


async def _clean_up(transfer: Row[Any], ledger: Ledger) -> list[Outcome]:
    if transfer.reserved:
        await ledger.execute(update(spool_usage).values(reserved=spool_usage.c.reserved - transfer.reserved))
    await sent.change(ledger, transfer.transfer_id, reserved=0, due_at=None)
    return [DropCast(transfer.sender, transfer.transfer_id, transfer.chunks)]
