"""Is there room for another file? The clock measures broker and spool, S220 goes by what it has noted."""

from typing import Any

from sqlalchemy import Row, func, select, update

from rollcast.reasons import Code
from rollcast.states import Transfer
from workers.ledger import Ledger, sent
from workers.ledger.tables import sent_transfers, spool_usage
from workers.work import Services

MARGIN = 64 * 1024 * 1024
"""Bytes of the spool's disk that stay free."""


async def note(ledger: Ledger, server: str, free: int | None, full: str | None) -> None:
    """Write down how many bytes the spool's disk has free (None: not known), and why the broker is full, if so.

    When there is more room than was written down before, those who wait for it are called.
    """
    before = await ledger.first(select(spool_usage).where(spool_usage.c.server == server))
    if before is not None and _is_more(before, free, full):
        await call_held(ledger)
    values = {"free": free, "full": full, "measured_at": ledger.now}
    await ledger.execute(
        ledger.insert(spool_usage)
        .values(server=server, reserved=0, **values)
        .on_conflict_do_update(index_elements=[spool_usage.c.server], set_=values)
    )


def _is_more(before: Row[Any], free: int | None, full: str | None) -> bool:
    if full is not None:
        return False
    return before.full is not None or (
        before.free is not None and free is not None and free > before.free + MARGIN
    )


async def lacking(transfer: Row[Any], services: Services) -> tuple[Code, str] | None:
    """Why there is no room for a transfer now, as far as was measured."""
    request, ledger = sent.request_of(transfer), services.ledger
    usage = await ledger.first(select(spool_usage).where(spool_usage.c.server == services.settings.server))
    if request.dry_run or usage is None:
        return None
    if usage.full is not None:
        return Code.BROKER_FULL, f"{usage.full}; the transfer goes on when that is over"
    if usage.free is None or request.file.size + await to_come(ledger) <= usage.free - MARGIN:
        return None
    return Code.SPOOL_FULL, "the disk of the server's spool is full; the transfer goes on when it has room"


async def call_held(ledger: Ledger) -> None:
    """There may be room again: let the clock look at the transfers that are held.

    They are locked in one order, and before the room is: S220 has its transfer locked when it reserves.
    """
    held = select(sent_transfers.c.transfer_id).where(sent_transfers.c.state == Transfer.HELD)
    locked = held.order_by(sent_transfers.c.transfer_id).with_for_update()
    await ledger.execute(
        update(sent_transfers).where(sent_transfers.c.transfer_id.in_(locked)).values(due_at=ledger.now)
    )


async def to_come(ledger: Ledger) -> int:
    """Bytes for which room is reserved, and which are not spooled yet."""
    # Multiplied before it is divided, it would be more than a database can count.
    chunk = sent_transfers.c.reserved / sent_transfers.c.chunks
    lacks = chunk * (sent_transfers.c.chunks - sent_transfers.c.spooled)
    query = select(func.coalesce(func.sum(lacks), 0)).where(
        sent_transfers.c.reserved > 0, sent_transfers.c.chunks > 0
    )
    return await ledger.count(query)
