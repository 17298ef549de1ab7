"""Which chunks of a transfer are in the spool: `sent_chunks`."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from sqlalchemy import func, select, update

from rollcast.messages.values import Range
from workers.ledger.database import Ledger
from workers.ledger.sent import lock, prompt_in
from workers.ledger.tables import sent_chunks, sent_transfers

Digests = Mapping[int, bytes]
"""BLAKE3 digests of chunks by index."""


async def add(ledger: Ledger, transfer_id: str, chunks: Digests) -> tuple[int, int | None]:
    """Write stored chunks down. Returns how many are new, and an index whose first digest was another."""
    transfer = (await lock(ledger, [transfer_id]))[transfer_id]
    query = select(sent_chunks.c.position, sent_chunks.c.digest).where(
        sent_chunks.c.transfer_id == transfer_id, sent_chunks.c.position.in_(list(chunks))
    )
    known = {row.position: row.digest for row in await ledger.all(query)}
    differing = next((index for index, digest in known.items() if digest != chunks[index]), None)
    new = [
        {"transfer_id": transfer_id, "position": index, "digest": digest}
        for index, digest in chunks.items()
        if index not in known
    ]
    if new:
        await ledger.execute(sent_chunks.insert(), new)
        await ledger.execute(
            update(sent_transfers)
            .where(sent_transfers.c.transfer_id == transfer_id)
            .values(spooled=sent_transfers.c.spooled + len(new), **prompt_in(transfer, ledger.now))
        )
    return len(new), differing


async def missing(ledger: Ledger, transfer_id: str, stop: int, most: int) -> list[Range]:
    """The first chunks below `stop` that the spool lacks, at most `most` of them."""
    following = func.lead(sent_chunks.c.position).over(order_by=sent_chunks.c.position)
    inner = (
        select(sent_chunks.c.position, following.label("following"))
        .where(sent_chunks.c.transfer_id == transfer_id, sent_chunks.c.position < stop)
        .subquery()
    )
    holes = select(inner).where(inner.c.following > inner.c.position + 1).order_by(inner.c.position)
    ends = select(func.min(inner.c.position).label("first"), func.max(inner.c.position).label("last"))
    end = (await ledger.execute(ends)).one()
    if end.first is None:
        return first_of([(0, stop)], most)
    inside = [(row.position + 1, row.following) for row in await ledger.all(holes.limit(most))]
    return first_of([(0, end.first), *inside, (end.last + 1, stop)], most)


def first_of(ranges: Iterable[Range], most: int) -> list[Range]:
    """The first `most` chunks of the ranges, as ranges."""
    kept: list[Range] = []
    for start, stop in ranges:
        length = min(stop - start, most)
        if length > 0:
            kept.append((start, start + length))
            most -= length
    return kept


def without(ranges: Iterable[Range], taken: Range) -> list[Range]:
    """The ranges less the chunks of `taken`, in the same order."""
    first, end = taken
    parts = [part for start, stop in ranges for part in ((start, min(stop, first)), (max(start, end), stop))]
    return [(start, stop) for start, stop in parts if start < stop]


def portions(ranges: Sequence[Range], size: int) -> list[list[Range]]:
    """The ranges in lists that hold `size` chunks, the last one perhaps fewer."""
    portions: list[list[Range]] = []
    room = 0
    for start, stop in ranges:
        while start < stop:
            if room == 0:
                portions.append([])
                room = size
            end = min(stop, start + room)
            portions[-1].append((start, end))
            room -= end - start
            start = end
    return portions


def pieces(start: int, stop: int, size: int) -> list[Range]:
    """The range in ranges of at most `size` chunks."""
    bounds = [*range(start, stop, size), stop] if start < stop else []
    return list(pairwise(bounds))
