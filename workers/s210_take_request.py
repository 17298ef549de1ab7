"""S210: a request for a transfer is written down, once per `transfer_id`; a known one gets its present state."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from blake3 import blake3
from sqlalchemy import Row, select

from rollcast import policy
from rollcast.addresses import domain_of
from rollcast.chunks import Layout
from rollcast.errors import Permanent
from rollcast.messages import SenderCheckDue, TransferAccepted, TransferRequested, UploadDue
from rollcast.messages.values import MAX_RECEIVERS
from rollcast.reasons import REASONS, Code
from rollcast.states import FINAL_TRANSFER, ON_THE_LIST, Receiver, Transfer
from workers import observed, reports, retries, sender_limits
from workers.ledger import Ledger, roll, sent
from workers.ledger.tables import sent_parts, sent_receivers, sent_transfers
from workers.request_checks import check_header, check_recipients
from workers.work import OpenInboxes, Outcome, Received, Services, ToInboxes, ToStep

REFUSAL_LASTS = 60_000_000


async def take_request(batch: Sequence[Received], services: Services) -> list[Outcome]:
    """Answer each request with its state: accepted, refused, or the report of a transfer that has ended."""
    outcomes: list[Outcome] = []
    for received in batch:
        request = received.message
        assert isinstance(request, TransferRequested)
        try:
            outcomes += await _take(received.origin, request, services.ledger)
        except Permanent as error:
            code, now = Code(error.code), services.ledger.now
            outcomes.append(_refused(received.origin, request, code, str(error), now))
    return outcomes


async def _take(sender: str, request: TransferRequested, ledger: Ledger) -> list[Outcome]:
    header = msgspec.structs.replace(request, recipients=[], part=0, session="0" * 32)
    check_header(request)
    if request.transfer_id not in await sent.lock(ledger, [request.transfer_id]):
        await _check_sender(sender, request.transfer_id, ledger)
    first = await _write_down(sender, request, header, ledger)
    known = (await sent.lock(ledger, [request.transfer_id]))[request.transfer_id]
    if known.sender != sender or sent.request_of(known) != header:
        raise _duplicate(request)
    if known.state == Transfer.REQUESTED:
        await _add_part(sender, request, ledger)
    # Who asks again may have heard nothing because its inbox is gone.
    opening = [] if first else [OpenInboxes(sender, request.session)]
    return [*opening, *await _new_session(known, request, ledger), *await _answer(request, ledger)]


async def _check_sender(sender: str, transfer_id: str, ledger: Ledger) -> None:
    """What is refused here leaves nothing behind. Raises `Permanent`."""
    try:
        limits = await sender_limits.limits_of(sender, ledger)
        await sender_limits.check_open(sender, transfer_id, limits, ledger)
    except Permanent as error:
        observed.refused(transfer_id, sender, Code(error.code), str(error), ledger)
        raise


async def _new_session(known: Row[Any], request: TransferRequested, ledger: Ledger) -> list[Outcome]:
    """A sender that was started again is told everything from now on, and goes on with its upload."""
    if known.session == request.session:
        return []
    await sent.change(ledger, request.transfer_id, session=request.session)
    if known.state not in {Transfer.ASKING, Transfer.CASTING} or known.uploaded_at is not None:
        return []
    return [ToStep(domain_of(known.sender), UploadDue(transfer_id=request.transfer_id))]


@asynccontextmanager
async def _refusing(sender: str, transfer_id: str, ledger: Ledger) -> AsyncIterator[None]:
    """A fault that is found in the block ends the transfer."""
    try:
        yield
    except Permanent as error:
        await sent.refuse(ledger, transfer_id, Code(error.code), str(error))
        observed.refused(transfer_id, sender, Code(error.code), str(error), ledger)
        raise


def _duplicate(request: TransferRequested) -> Permanent:
    return Permanent(
        f"transfer {request.transfer_id} was requested with other content", code=Code.DUPLICATE_TRANSFER
    )


async def _write_down(
    sender: str, request: TransferRequested, header: TransferRequested, ledger: Ledger
) -> bool:
    now = ledger.now
    expires_at = now + request.expires * sent.MILLISECOND
    row = {
        "transfer_id": request.transfer_id,
        "sender": sender,
        "session": request.session,
        "request": msgspec.msgpack.encode(header),
        "state": Transfer.REQUESTED,
        "created_at": now,
        "consent_deadline": now + request.consent_timeout * sent.MILLISECOND,
        "expires_at": expires_at,
        "chunks": Layout(request.file.size, request.chunk_size).count,
        "retry_of": request.retry_of,
        "due_at": min(now + sent.FIRST_PROMPT, expires_at),
        "due_wait": sent.FIRST_PROMPT,
        "moved_at": now,
    }
    # Parts of one request may be handled at the same time, by several workers.
    written = await ledger.execute(ledger.insert(sent_transfers).values(row).on_conflict_do_nothing())
    if written.rowcount == 1:
        await ledger.note(request.transfer_id, [(sender, Transfer.REQUESTED, request.file.name)])
    return written.rowcount == 1


async def _add_part(sender: str, request: TransferRequested, ledger: Ledger) -> None:
    digest = blake3(msgspec.msgpack.encode(request.recipients)).digest()
    known = await ledger.first(
        select(sent_parts.c.digest).where(
            sent_parts.c.transfer_id == request.transfer_id, sent_parts.c.part == request.part
        )
    )
    if known is not None and known.digest != digest:
        raise _duplicate(request)
    if known is not None:
        return
    async with _refusing(sender, request.transfer_id, ledger):
        check_recipients(request)
        recipients = await _recipients(sender, request, ledger)
    part = {"transfer_id": request.transfer_id, "part": request.part, "digest": digest}
    await ledger.execute(sent_parts.insert().values(part))
    rows = [_receiver_row(request, number, address) for number, address in enumerate(recipients)]
    if rows:
        await ledger.execute(ledger.insert(sent_receivers).on_conflict_do_nothing(), rows)
    if request.parts > 1:
        await sent.moved(ledger, request.transfer_id)


async def _recipients(sender: str, request: TransferRequested, ledger: Ledger) -> list[str]:
    if request.retry_of is None:
        return request.recipients
    former = await retries.check(sender, request, ledger)
    await sent.change(ledger, request.transfer_id, first_id=retries.first_of(former))
    return await retries.still_to_get(request, former, ledger)


def _receiver_row(request: TransferRequested, number: int, address: str) -> dict[str, object]:
    return {
        "transfer_id": request.transfer_id,
        "address": address,
        "domain": domain_of(address),
        "position": request.part * MAX_RECEIVERS + number,
        "state": Receiver.INVITED,
        "revision": 0,
        "bytes": 0,
    }


async def _answer(request: TransferRequested, ledger: Ledger) -> list[Outcome]:
    transfer = (await sent.lock(ledger, [request.transfer_id]))[request.transfer_id]
    if transfer.state == Transfer.REFUSED:
        code = Code(transfer.reason)
        return [_refused(transfer.sender, request, code, transfer.detail, ledger.now)]
    tally = await roll.tally(ledger, request.transfer_id)
    if transfer.state in FINAL_TRANSFER or _settled(transfer, tally):
        return [await reports.report(ledger, transfer)]
    answer = _accepted(transfer, sum(tally.values()))
    if transfer.state != Transfer.REQUESTED or await sent.parts(ledger, request.transfer_id) < request.parts:
        return [answer]
    everyone = await roll.receivers(ledger, request.transfer_id, [Receiver.INVITED])
    async with _refusing(transfer.sender, request.transfer_id, ledger):
        if not everyone:
            raise retries.nobody(transfer)
        policy.parse(request.list_policy, {row.address for row in everyone})
    check = SenderCheckDue(transfer_id=request.transfer_id)
    return [answer, ToStep(domain_of(transfer.sender), check)]


def _settled(transfer: Row[Any], tally: Mapping[Receiver, int]) -> bool:
    """Whether the transfer was reported, stays open for those that are deferred, and nobody receives meanwhile."""
    receiving = transfer.state == Transfer.CASTING and any(tally.get(state) for state in ON_THE_LIST)
    return bool(transfer.report_version) and not receiving


def _accepted(transfer: Row[Any], recipients: int) -> ToInboxes:
    accepted = TransferAccepted(
        transfer_id=transfer.transfer_id,
        state=Transfer(transfer.state),
        created_at=transfer.created_at,
        consent_deadline=transfer.consent_deadline,
        expires_at=transfer.expires_at,
        recipients=recipients,
        uploaded=transfer.uploaded_at is not None,
    )
    return reports.to_sender(transfer, accepted)


def _refused(sender: str, request: TransferRequested, code: Code, detail: str, now: int) -> ToInboxes:
    # What S240 finds of a receiver, S220 has found of the sender.
    step = "s220" if REASONS[code].step > "s210" else "s210"
    refused = reports.refused(request.transfer_id, step, code, detail)
    return ToInboxes((sender,), refused, now + REFUSAL_LASTS, request.session)
