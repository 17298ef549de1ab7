"""How S290 lets the upload and the cast go on without ever filling broker or lanes.

What a sender is invited to upload is always what the ledger lacks, so that a first upload, a resumed one, lost
chunks and a restarted broker are one mechanism.
"""

from collections.abc import Set as AbstractSet
from typing import Any

from sqlalchemy import Row

from rollcast.messages import ChunksSpooled, Message, UploadDue, UploadInvited
from rollcast.messages.values import Range
from rollcast.states import Receiver, Transfer
from workers import reports
from workers.ledger import Ledger, sent, spooled
from workers.work import CastChunks, MeasureLanes, OpenUpload, Outcome, VerifySpool

PIECE = 64 * 1024 * 1024
"""Bytes that are granted, or cast from the spool, at a time; two grants are outstanding."""
SAMPLE = 16
"""How many lanes are measured."""
LANES_GRACE = 3_000_000
"""µs that a live cast waits for lanes that are not open yet."""


def piece_of(transfer: Row[Any]) -> int:
    """How many chunks a piece has."""
    return max(1, PIECE // sent.request_of(transfer).chunk_size)


async def go_on_uploading(
    transfer: Row[Any], ledger: Ledger, kinds: AbstractSet[type[Message]], shallow: bool
) -> list[Outcome]:
    """Invite the sender to upload what may come next; verify the spool when all is there."""
    if transfer.spooled == transfer.chunks:
        news = ChunksSpooled in kinds or UploadDue in kinds or transfer.chunks == 0
        return [_verify(transfer)] if news else []
    if not await _may_begin(transfer, ledger):
        return []
    if transfer.granted == 0:
        return await _grant(transfer, ledger, 2)
    if UploadDue in kinds:
        return await _invite_again(transfer, ledger)
    if transfer.granted == transfer.chunks or transfer.granted - transfer.spooled > piece_of(transfer):
        return []
    if shallow or sent.request_of(transfer).upload == "eager":
        return await _grant(transfer, ledger, 1)
    if transfer.pacing:
        return []
    await sent.change(ledger, transfer.transfer_id, pacing=True)
    return [await measure(transfer, ledger)]


async def cast_from_spool(transfer: Row[Any], ledger: Ledger, shallow: bool) -> list[Outcome]:
    """Cast the next piece of an eager transfer, each chunk once, when the lanes have room for it."""
    if transfer.state != Transfer.CASTING or transfer.cast == transfer.chunks:
        return []
    if not await _lanes_ready(transfer, ledger) or (transfer.cast > 0 and not shallow):
        return []
    stop = min(transfer.cast + piece_of(transfer), transfer.chunks)
    await sent.change(ledger, transfer.transfer_id, cast=stop, **sent.prompt_in(ledger.now))
    cast = CastChunks(transfer.sender, transfer.transfer_id, [(transfer.cast, stop)])
    return [cast, await measure(transfer, ledger)] if stop < transfer.chunks else [cast]


async def measure(transfer: Row[Any], ledger: Ledger) -> MeasureLanes:
    """See how deep the lanes are, a sample of them."""
    rows = await sent.receivers(ledger, transfer.transfer_id, [Receiver.RECEIVING], limit=SAMPLE)
    return MeasureLanes(transfer.sender, transfer.transfer_id, [row.address for row in rows])


async def _may_begin(transfer: Row[Any], ledger: Ledger) -> bool:
    if sent.request_of(transfer).upload == "eager":
        return True
    return transfer.state == Transfer.CASTING and await _lanes_ready(transfer, ledger)


async def _lanes_ready(transfer: Row[Any], ledger: Ledger) -> bool:
    if ledger.now >= transfer.resolved_at + LANES_GRACE:
        return True
    return not await sent.receivers(ledger, transfer.transfer_id, [Receiver.ACCEPTED], limit=1)


async def _grant(transfer: Row[Any], ledger: Ledger, pieces: int) -> list[Outcome]:
    size = piece_of(transfer)
    stop = min(transfer.granted + pieces * size, transfer.chunks)
    await sent.change(ledger, transfer.transfer_id, granted=stop, pacing=False, **sent.prompt_in(ledger.now))
    opening = [_open_upload(transfer)] if transfer.granted == 0 else []
    return [
        *opening,
        *(_invited(transfer, [piece]) for piece in spooled.pieces(transfer.granted, stop, size)),
    ]


async def _invite_again(transfer: Row[Any], ledger: Ledger) -> list[Outcome]:
    missing = await spooled.missing(ledger, transfer.transfer_id, transfer.granted, 2 * piece_of(transfer))
    if not missing:
        return await _grant(transfer, ledger, 1)
    return [_open_upload(transfer), _invited(transfer, missing)]


def _open_upload(transfer: Row[Any]) -> OpenUpload:
    live = sent.request_of(transfer).upload == "live"
    return OpenUpload(transfer.sender, transfer.transfer_id, live=live)


def _invited(transfer: Row[Any], ranges: list[Range]) -> Outcome:
    return reports.to_sender(transfer, UploadInvited(transfer_id=transfer.transfer_id, ranges=ranges))


def _verify(transfer: Row[Any]) -> VerifySpool:
    sha256 = sent.request_of(transfer).file.hash.sha256 is not None
    return VerifySpool(transfer.sender, transfer.transfer_id, transfer.chunks, sha256)
