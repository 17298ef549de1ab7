"""S290: the upload is granted piece by piece, the spool is cast, and the end of the cast is announced."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from rollcast.addresses import domain_of
from rollcast.messages import (
    CastEnded,
    ChunksSpooled,
    CloseDue,
    LanesMeasured,
    LanesOpened,
    PaceDue,
    SourceDiffered,
    SpoolVerified,
    UploadCompleted,
    UploadDue,
)
from rollcast.messages.values import Hashes
from rollcast.reasons import Code
from rollcast.states import FINAL_TRANSFER, Transfer
from workers import reports
from workers.ledger import Ledger, roll, sent
from workers.upload import cast_from_spool, go_on_uploading, measure_again, note_deep
from workers.work import IntoCast, Later, Outcome, Received, Services, ToStep

News = LanesOpened | UploadDue | ChunksSpooled | SourceDiffered | SpoolVerified | LanesMeasured | PaceDue
"""What S290 hears of a transfer."""


async def cast(batch: Sequence[Received], services: Services) -> list[Outcome]:
    """Take in what has happened to each transfer, then see what can go on."""
    happened: dict[str, list[News]] = defaultdict(list)
    for received in batch:
        message = received.message
        assert isinstance(message, News)
        happened[message.transfer_id].append(message)
    outcomes: list[Outcome] = []
    for transfer in (await sent.lock(services.ledger, happened)).values():
        if transfer.state in {Transfer.ASKING, Transfer.CASTING} and transfer.reason is None:
            outcomes += await _handle(transfer, happened[transfer.transfer_id], services.ledger)
        elif transfer.state in FINAL_TRANSFER and transfer.due_at is None:
            # A worker may have died over one of these messages, after it had opened the upload.
            await sent.clean_up_again(services.ledger, transfer.transfer_id)
    return outcomes


async def _handle(transfer: Row[Any], happened: list[News], ledger: Ledger) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for message in happened:
        outcomes += await _take_in(transfer, message, ledger)
    changed = (await sent.lock(ledger, [transfer.transfer_id]))[transfer.transfer_id]
    if changed.reason is not None:
        return outcomes
    kinds = {type(message) for message in happened}
    if PaceDue in kinds:
        outcomes += await measure_again(changed, ledger)
        changed = (await sent.lock(ledger, [transfer.transfer_id]))[transfer.transfer_id]
    shallow = any(isinstance(message, LanesMeasured) and not message.deep for message in happened)
    if changed.uploaded_at is None:
        return outcomes + await go_on_uploading(changed, ledger, kinds, shallow)
    if sent.request_of(changed).upload == "eager":
        outcomes += await cast_from_spool(changed, ledger, shallow)
        changed = (await sent.lock(ledger, [transfer.transfer_id]))[transfer.transfer_id]
    return outcomes + await _end(changed, ledger)


async def _take_in(transfer: Row[Any], message: News, ledger: Ledger) -> list[Outcome]:
    home = domain_of(transfer.sender)
    match message:
        case LanesOpened(receivers=receivers) if transfer.state == Transfer.CASTING:
            await roll.lanes_opened(ledger, transfer.transfer_id, receivers)
            if transfer.cast_ended_at is not None:
                return [_cast_ended(transfer, receiver) for receiver in receivers]
        case SourceDiffered(index=index):
            return await _source_changed(transfer, f"chunk {index} was uploaded twice, and differed", ledger)
        case SpoolVerified(hash=digests):
            return await _verified(transfer, digests, ledger)
        case LanesMeasured(deep=True):
            await note_deep(transfer, ledger)
            return [Later(home, PaceDue(transfer_id=transfer.transfer_id))]
    return []


async def _verified(transfer: Row[Any], digests: Hashes, ledger: Ledger) -> list[Outcome]:
    announced = sent.request_of(transfer).file.hash
    wrong = digests.blake3 != announced.blake3
    wrong_too = announced.sha256 is not None and digests.sha256 not in {None, announced.sha256}
    if wrong or wrong_too:
        return await _source_changed(
            transfer, "what was uploaded has another digest than was announced", ledger
        )
    if transfer.uploaded_at is None:
        await sent.change(
            ledger, transfer.transfer_id, uploaded_at=ledger.now, **sent.prompt_in(transfer, ledger.now)
        )
        await ledger.note(transfer.transfer_id, [(None, "uploaded", None)])
    completed = reports.to_sender(transfer, UploadCompleted(transfer_id=transfer.transfer_id))
    # Receipts may all have come before.
    return [completed, ToStep(domain_of(transfer.sender), CloseDue(transfer_id=transfer.transfer_id))]


async def _source_changed(transfer: Row[Any], detail: str, ledger: Ledger) -> list[Outcome]:
    await sent.change(ledger, transfer.transfer_id, reason=Code.SOURCE_CHANGED, detail=detail)
    return [ToStep(domain_of(transfer.sender), CloseDue(transfer_id=transfer.transfer_id))]


async def _end(transfer: Row[Any], ledger: Ledger) -> list[Outcome]:
    whole = sent.request_of(transfer).upload == "live" or transfer.cast == transfer.chunks
    if transfer.state != Transfer.CASTING or transfer.cast_ended_at is not None or not whole:
        return []
    await sent.change(
        ledger, transfer.transfer_id, cast_ended_at=ledger.now, **sent.prompt_in(transfer, ledger.now)
    )
    await ledger.note(transfer.transfer_id, [(None, "cast", None)])
    return [_cast_ended(transfer, None)]


def _cast_ended(transfer: Row[Any], receiver: str | None) -> IntoCast:
    ended = CastEnded(transfer_id=transfer.transfer_id)
    return IntoCast(transfer.sender, transfer.transfer_id, ended, receiver)
