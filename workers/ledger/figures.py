"""How far receivers are, as far as was reported: `sent_progress`.

The `progress` pool alone writes and forgets it, in one transaction every two seconds however many they are.
No step goes by it: it is there to be looked at, and may be lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Case,
    ColumnElement,
    Float,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    or_,
    select,
)

from rollcast.states import FINAL_TRANSFER
from workers.ledger.database import Ledger
from workers.ledger.tables import sent_progress, sent_transfers

SECOND = 1_000_000
"""µs."""
STILL = 10 * SECOND
"""µs without progress after which a receiver stands still."""
TOO_SOON = SECOND // 10
"""µs before which a report tells no rate; with the biggest file in no time a rate would be no number any more."""
STARTED_OVER = 30 * SECOND
"""µs after which fewer bytes than before are no late report, but those of a receiver that has lost what it had."""


@dataclass(frozen=True, slots=True)
class Figure:
    """How many bytes a receiver of a transfer had stored at an instant (µs UTC)."""

    transfer_id: str
    address: str
    bytes: int
    at: int


async def note(ledger: Ledger, figures: Iterable[Figure]) -> None:
    """Write figures down, those that are news; with each the rate since the last, and half of the rates before."""
    rows = [
        {"transfer_id": one.transfer_id, "address": one.address, "bytes": one.bytes, "moved_at": one.at}
        # Always in this order, so that no two workers wait for each other.
        for one in sorted(figures, key=lambda one: (one.transfer_id, one.address))
    ]
    if rows:
        await ledger.execute(_upsert(ledger), rows)


def _upsert(ledger: Ledger) -> Any:
    names = ("transfer_id", "address", "bytes", "moved_at")
    insert = ledger.insert(sent_progress).values({name: bindparam(name) for name in names})
    new, old = insert.excluded, sent_progress.c
    further = and_(new.bytes > old.bytes, new.moved_at >= old.moved_at + TOO_SOON)
    over_again = and_(new.bytes < old.bytes, new.moved_at > old.moved_at + STARTED_OVER)
    return insert.on_conflict_do_update(
        index_elements=[old.transfer_id, old.address],
        set_={"bytes": new.bytes, "moved_at": new.moved_at, "rate": _rate(new, old)},
        where=or_(further, over_again),
    )


def _rate(new: Any, old: Any) -> Case[Any]:
    # In floating point: so many bytes times a million are more than an integer of a database holds.
    elapsed = cast(new.moved_at - old.moved_at, Float)
    newest = cast((new.bytes - old.bytes) * cast(SECOND, Float) / elapsed, BigInteger)
    return case((new.bytes > old.bytes, (func.coalesce(old.rate, newest) + newest) // 2), else_=None)


def rate(now: int) -> ColumnElement[Any]:
    """Bytes a second of a row; 0 where it stands still, NULL where one report has come so far."""
    still = sent_progress.c.moved_at < now - STILL
    return case((still, 0), else_=sent_progress.c.rate)


async def forget(ledger: Ledger) -> None:
    """Forget the figures of transfers that have ended."""
    ended = (
        select(sent_progress.c.transfer_id)
        .join(sent_transfers, sent_transfers.c.transfer_id == sent_progress.c.transfer_id)
        .where(sent_transfers.c.state.in_(list(FINAL_TRANSFER)))
        .distinct()
    )
    await ledger.execute(delete(sent_progress).where(sent_progress.c.transfer_id.in_(ended)))
