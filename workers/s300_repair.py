"""S300: what a receiver misses goes again from the spool into its lane, or to all if many seem to miss it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from rollcast.addresses import domain_of
from rollcast.errors import IdentityError
from rollcast.messages import CastEnded, ChunksMissing, RepairDue
from rollcast.messages.values import Range
from rollcast.states import ON_THE_LIST, Receiver, Transfer
from workers import metrics
from workers.ledger import Ledger, invited, roll, sent, spooled
from workers.upload import piece_of
from workers.work import CastChunks, IntoCast, Outcome, Received, Services, ToStep

MANY_LANES = 8
"""So many lanes open, and what one of them lost was perhaps lost to all."""
SHARE = 10
"""More than the file's chunks divided by this is cast again to all."""
RECAST_EVERY, COVERED_FOR = 60_000_000, 10_000_000
"""µs from one re-cast to the next at the least, and in which one answers what others ask for."""


async def repair(batch: Sequence[Received], services: Services) -> list[Outcome]:
    """At the receiver's server: forward the request. At the sender's: cast again, a piece at most."""
    outcomes: list[Outcome] = []
    for received in batch:
        match received.message:
            case ChunksMissing():
                outcomes += await _forward(received.origin, received.message, services.ledger)
            case RepairDue():
                outcomes += await _repair(received.message, services.ledger)
    return outcomes


async def _forward(receiver: str, missing: ChunksMissing, ledger: Ledger) -> list[Outcome]:
    transfer = (await invited.transfers(ledger, [missing.transfer_id])).get(missing.transfer_id)
    rows = await invited.receivers(ledger, missing.transfer_id, [receiver])
    if transfer is None or receiver not in rows:
        raise IdentityError(f"{receiver} was not invited to {missing.transfer_id}")
    if transfer.closed_at is not None or rows[receiver].state not in ON_THE_LIST:
        return []
    due = RepairDue(
        transfer_id=missing.transfer_id, receiver=receiver, ranges=missing.ranges, lacking=missing.lacking
    )
    return [ToStep(domain_of(invited.offer_of(transfer).sender), due)]


async def _repair(due: RepairDue, ledger: Ledger) -> list[Outcome]:
    transfer = (await sent.lock(ledger, [due.transfer_id])).get(due.transfer_id)
    if transfer is None or transfer.state != Transfer.CASTING or transfer.reason is not None:
        return []
    await sent.moved(ledger, due.transfer_id)
    wanted = [(first, min(stop, transfer.chunks)) for first, stop in due.ranges]
    ranges = spooled.first_of(_not_covered(transfer, wanted, ledger.now), piece_of(transfer))
    if transfer.cast_ended_at is None:
        return [_chunks(transfer, ranges, due.receiver)]
    if await _is_for_all(transfer, ranges, due.lacking, ledger):
        return await _recast(transfer, _hull(transfer, ranges), ledger)
    repaired = [_chunks(transfer, ranges, due.receiver)] if ranges else []
    return [*repaired, _cast_ended(transfer, due.receiver)]


def _not_covered(transfer: Row[Any], ranges: Sequence[Range], now: int) -> Sequence[Range]:
    """The ranges less what has just been cast again to all."""
    if transfer.recast_at is None or now - transfer.recast_at >= COVERED_FOR:
        return ranges
    return spooled.without(ranges, (transfer.recast_first, transfer.recast_stop))


async def _is_for_all(transfer: Row[Any], ranges: Sequence[Range], lacking: int, ledger: Ledger) -> bool:
    if not ranges or (transfer.recast_at is not None and ledger.now - transfer.recast_at < RECAST_EVERY):
        return False
    whole = range(*_hull(transfer, ranges))
    missing = {index for first, stop in ranges for index in range(first, stop) if index in whole}
    if max(len(missing), lacking) * SHARE <= transfer.chunks:
        return False
    return (await roll.tally(ledger, transfer.transfer_id)).get(Receiver.RECEIVING, 0) >= MANY_LANES


def _hull(transfer: Row[Any], ranges: Sequence[Range]) -> Range:
    """From the first chunk of these to the last, a piece at most: others lost about the same, not just the same."""
    first = min(first for first, _ in ranges)
    return first, min(first + piece_of(transfer), max(stop for _, stop in ranges))


async def _recast(transfer: Row[Any], piece: Range, ledger: Ledger) -> list[Outcome]:
    first, stop = piece
    await sent.change(
        ledger, transfer.transfer_id, recast_at=ledger.now, recast_first=first, recast_stop=stop
    )
    ledger.on_commit(metrics.RECASTS.inc)
    return [_chunks(transfer, [piece], None), _cast_ended(transfer, None)]


def _chunks(transfer: Row[Any], ranges: Sequence[Range], receiver: str | None) -> CastChunks:
    return CastChunks(transfer.sender, transfer.transfer_id, ranges, receiver)


def _cast_ended(transfer: Row[Any], receiver: str | None) -> IntoCast:
    ended = CastEnded(transfer_id=transfer.transfer_id)
    return IntoCast(transfer.sender, transfer.transfer_id, ended, receiver)
