"""S220: may the sender send this, and is there room for it? Room is reserved by one conditional update."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select, update

from rollcast.addresses import domain_of
from rollcast.errors import Permanent
from rollcast.messages import (
    InvitationsDue,
    SenderCheckDue,
    TransferHeld,
    UploadDue,
)
from rollcast.messages.values import Limits
from rollcast.reasons import Code
from rollcast.sizes import compared
from rollcast.states import Transfer
from workers import observed, reports, room, sender_limits
from workers.ledger import Ledger, sent
from workers.ledger.tables import sent_receivers, spool_usage
from workers.settings import Settings
from workers.work import Outcome, Received, Services, ToStep

Refusal = tuple[Code, str]
UNFINISHED_FOR = 60 * sent.SECOND
"""µs since the last part of a request that is not whole, after which it is forgotten; a repeat starts anew."""
QUOTA_USED_UP = (Code.SPOOL_FULL, "the server's spool is full; the transfer goes on when others have ended")


async def check_sender(batch: Sequence[Received], services: Services) -> list[Outcome]:
    """Let each transfer go on to the roll call, hold it, or refuse it."""
    ledger = services.ledger
    wanted = [r.message.transfer_id for r in batch if isinstance(r.message, SenderCheckDue)]
    outcomes: list[Outcome] = []
    for transfer in (await sent.lock(ledger, wanted)).values():
        if transfer.state in {Transfer.REQUESTED, Transfer.HELD}:
            outcomes += await _check(transfer, services)
    return outcomes


async def _check(transfer: Row[Any], services: Services) -> list[Outcome]:
    ledger, request = services.ledger, sent.request_of(transfer)
    if await sent.parts(ledger, transfer.transfer_id) < request.parts:
        if ledger.now - transfer.moved_at >= UNFINISHED_FOR:
            await sent.forget(ledger, transfer.transfer_id)
        return []
    recipients = await _recipients(transfer, ledger)
    refusal = await _refusal(transfer, recipients, services)
    if refusal is not None:
        return await _refuse(transfer, *refusal, ledger)
    full = await room.lacking(transfer, services)
    if full is not None or not await _reserve(transfer, services):
        return await _hold(transfer, full or QUOTA_USED_UP, ledger)
    deadline = min(ledger.now + request.consent_timeout * sent.MILLISECOND, transfer.expires_at)
    await sent.change(
        ledger,
        transfer.transfer_id,
        state=Transfer.ASKING,
        reason=None,
        detail=None,
        asked_at=ledger.now,
        consent_deadline=deadline,
        **sent.prompt_in(transfer, ledger.now, min(sent.FIRST_PROMPT, deadline - ledger.now)),
    )
    await ledger.note(transfer.transfer_id, [(None, Transfer.ASKING, None)])
    observed.began(transfer, recipients, ledger)
    home = domain_of(transfer.sender)
    due: list[Outcome] = [ToStep(home, InvitationsDue(transfer_id=transfer.transfer_id))]
    if request.upload == "eager" and not request.dry_run:
        due.append(ToStep(home, UploadDue(transfer_id=transfer.transfer_id)))
    return due


async def _recipients(transfer: Row[Any], ledger: Ledger) -> int:
    return await ledger.count(
        select(func.count()).where(sent_receivers.c.transfer_id == transfer.transfer_id)
    )


async def _refusal(transfer: Row[Any], recipients: int, services: Services) -> Refusal | None:
    ledger = services.ledger
    try:
        limits = await sender_limits.limits_of(transfer.sender, ledger)
        if (refusal := _too_much(transfer, recipients, limits, services.settings)) is not None:
            return refusal
        if transfer.state != Transfer.HELD:
            await sender_limits.check_open(transfer.sender, transfer.transfer_id, limits, ledger)
    except Permanent as error:
        return Code(error.code), str(error)
    return None


def _too_much(transfer: Row[Any], recipients: int, limits: Limits, settings: Settings) -> Refusal | None:
    size = sent.request_of(transfer).file.size
    if size > limits.max_file_size:
        told, most = compared(size, limits.max_file_size)
        return Code.FILE_TOO_BIG, f"{told}; {transfer.sender} may send {most}"
    if size > settings.spool_quota:
        told, most = compared(size, settings.spool_quota)
        return Code.FILE_TOO_BIG, f"{told}; the server's spool holds {most} in all"
    if recipients > limits.max_recipients:
        return (
            Code.TOO_MANY_RECIPIENTS,
            f"{recipients} recipients; {transfer.sender} may name {limits.max_recipients}",
        )
    return None


async def _reserve(transfer: Row[Any], services: Services) -> bool:
    request = sent.request_of(transfer)
    if request.dry_run or transfer.reserved:
        return True
    size, settings, ledger = request.file.size, services.settings, services.ledger
    usage = {"server": settings.server, "reserved": 0}
    await ledger.execute(ledger.insert(spool_usage).values(usage).on_conflict_do_nothing())
    reserved = await ledger.execute(
        update(spool_usage)
        .where(
            spool_usage.c.server == settings.server,
            spool_usage.c.reserved + size <= settings.spool_quota,
        )
        .values(reserved=spool_usage.c.reserved + size)
    )
    if reserved.rowcount == 1:
        await sent.change(ledger, transfer.transfer_id, reserved=size)
    return reserved.rowcount == 1


async def _hold(transfer: Row[Any], why: Refusal, ledger: Ledger) -> list[Outcome]:
    code, detail = why
    if (transfer.state, transfer.reason, transfer.detail) != (Transfer.HELD, code, detail):
        await sent.change(
            ledger,
            transfer.transfer_id,
            state=Transfer.HELD,
            reason=code,
            detail=detail,
            **sent.prompt_in(transfer, ledger.now),
        )
        await ledger.note(transfer.transfer_id, [(None, Transfer.HELD, code)])
    held = TransferHeld(transfer_id=transfer.transfer_id, reason=code, detail=detail)
    return [reports.to_sender(transfer, held)]


async def _refuse(transfer: Row[Any], code: Code, detail: str, ledger: Ledger) -> list[Outcome]:
    await sent.refuse(ledger, transfer.transfer_id, code, detail)
    observed.refused(transfer.transfer_id, transfer.sender, code, detail, ledger)
    return [reports.to_sender(transfer, reports.refused(transfer.transfer_id, "s220", code, detail))]
