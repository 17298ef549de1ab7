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
from workers.ledger import Ledger, roll, sent, spooled
from workers.work import CastChunks, MeasureLanes, OpenUpload, Outcome, VerifySpool

PIECE = 64 * 1024 * 1024
"""Bytes that are granted, or cast from the spool, at a time; two grants are outstanding."""
SAMPLE = 16
"""How many lanes are measured."""
LANES_GRACE = 3_000_000
"""µs that a live cast waits for lanes that are not open yet."""
MEASURING = sent.FIRST_PROMPT
"""µs after which a measuring that has brought nothing on was lost."""
VERIFIED_PER_US = 50
"""Bytes of a spooled file that are verified in a µs at the least."""
PACE = 200_000
"""µs between two measurements at the least; below the time that `PaceDue` waits."""


def piece_of(transfer: Row[Any]) -> int:
    """How many chunks a piece has."""
    return max(1, PIECE // sent.request_of(transfer).chunk_size)


async def go_on_uploading(
    transfer: Row[Any], ledger: Ledger, kinds: AbstractSet[type[Message]], shallow: bool
) -> list[Outcome]:
    """Invite the sender to upload what may come next; verify the spool when all is there."""
    if sent.request_of(transfer).dry_run:
        return []
    if transfer.spooled == transfer.chunks:
        news = ChunksSpooled in kinds or UploadDue in kinds or transfer.chunks == 0
        # The cast of an empty file has an end, too, and needs its exchange.
        opening = [_open_upload(transfer)] if transfer.chunks == 0 else []
        return [*opening, await _verify(transfer, ledger)] if news else []
    if not await _may_begin(transfer, ledger):
        return []
    if transfer.granted == 0:
        return await _grant(transfer, ledger, 2)
    if UploadDue in kinds and (again := await _invite_again(transfer, ledger)):
        return again
    if transfer.granted == transfer.chunks or transfer.granted - transfer.spooled > piece_of(transfer):
        return []
    if shallow or sent.request_of(transfer).upload == "eager":
        return await _grant(transfer, ledger, 1)
    return await _measure_after(MEASURING, transfer, ledger)


async def cast_from_spool(transfer: Row[Any], ledger: Ledger, shallow: bool) -> list[Outcome]:
    """Cast the next piece of an eager transfer, each chunk once, when the lanes have room for it."""
    if transfer.state != Transfer.CASTING or transfer.cast == transfer.chunks:
        return []
    if not await _lanes_ready(transfer, ledger):
        return []
    if transfer.cast > 0 and not shallow:
        return await _measure_after(MEASURING, transfer, ledger)
    stop = min(transfer.cast + piece_of(transfer), transfer.chunks)
    await sent.change(
        ledger, transfer.transfer_id, cast=stop, deep_since=None, **sent.prompt_in(transfer, ledger.now)
    )
    cast = CastChunks(transfer.sender, transfer.transfer_id, [(transfer.cast, stop)])
    return [cast, await _measure(transfer, ledger, 0)] if stop < transfer.chunks else [cast]


async def note_deep(transfer: Row[Any], ledger: Ledger) -> None:
    """The lanes hold the next piece back, from the first time on that they are found to."""
    if transfer.deep_since is None:
        await sent.change(ledger, transfer.transfer_id, deep_since=ledger.now)


async def measure_again(transfer: Row[Any], ledger: Ledger) -> list[Outcome]:
    """The lanes were deep a moment ago. However often measuring was begun, one goes on."""
    eager = sent.request_of(transfer).upload == "eager"
    if (transfer.cast if eager else transfer.granted) == transfer.chunks:
        return []
    return await _measure_after(PACE, transfer, ledger)


async def _measure_after(pause: int, transfer: Row[Any], ledger: Ledger) -> list[Outcome]:
    if transfer.measured_at is not None and ledger.now < transfer.measured_at + pause:
        return []
    held = 0 if transfer.deep_since is None else ledger.now - transfer.deep_since
    return [await _measure(transfer, ledger, held)]


async def _measure(transfer: Row[Any], ledger: Ledger, held: int) -> MeasureLanes:
    # Should the measuring come to a standstill, with a worker that died, the clock soon begins it again.
    await sent.change(
        ledger, transfer.transfer_id, measured_at=ledger.now, **sent.prompt_again(transfer, ledger.now)
    )
    lanes = await roll.sample(ledger, transfer.transfer_id, Receiver.RECEIVING, SAMPLE)
    return MeasureLanes(transfer.sender, transfer.transfer_id, lanes, piece_of(transfer), held)


async def _may_begin(transfer: Row[Any], ledger: Ledger) -> bool:
    # The sender of a transfer that may yet be cast need not wait for that.
    if sent.request_of(transfer).upload == "eager" or sent.is_open(transfer):
        return True
    return transfer.state == Transfer.CASTING and await _lanes_ready(transfer, ledger)


async def _lanes_ready(transfer: Row[Any], ledger: Ledger) -> bool:
    if ledger.now >= transfer.resolved_at + LANES_GRACE:
        return True
    return not await roll.receivers(ledger, transfer.transfer_id, [Receiver.ACCEPTED], limit=1)


async def _grant(transfer: Row[Any], ledger: Ledger, pieces: int) -> list[Outcome]:
    size = piece_of(transfer)
    stop = min(transfer.granted + pieces * size, transfer.chunks)
    await sent.change(
        ledger,
        transfer.transfer_id,
        granted=stop,
        measured_at=None,
        deep_since=None,
        **sent.prompt_in(transfer, ledger.now),
    )
    opening = [_open_upload(transfer)] if transfer.granted == 0 else []
    return [
        *opening,
        *(_invited(transfer, [piece]) for piece in spooled.pieces(transfer.granted, stop, size)),
    ]


async def _invite_again(transfer: Row[Any], ledger: Ledger) -> list[Outcome]:
    size = piece_of(transfer)
    missing = await spooled.missing(ledger, transfer.transfer_id, transfer.granted, 2 * size)
    if not missing:
        return []
    return [_open_upload(transfer), *(_invited(transfer, part) for part in spooled.portions(missing, size))]


def _open_upload(transfer: Row[Any]) -> OpenUpload:
    live = sent.request_of(transfer).upload == "live"
    return OpenUpload(transfer.sender, transfer.transfer_id, live=live)


def _invited(transfer: Row[Any], ranges: list[Range]) -> Outcome:
    return reports.to_sender(transfer, UploadInvited(transfer_id=transfer.transfer_id, ranges=ranges))


async def _verify(transfer: Row[Any], ledger: Ledger) -> VerifySpool:
    request = sent.request_of(transfer)
    # Reading it all takes its time, in which a prompt would have it read once more.
    wait = sent.FIRST_PROMPT + request.file.size // VERIFIED_PER_US
    await sent.change(ledger, transfer.transfer_id, **sent.prompt_again(transfer, ledger.now, wait))
    sha256 = request.file.hash.sha256 is not None
    return VerifySpool(transfer.sender, transfer.transfer_id, transfer.chunks, sha256)
