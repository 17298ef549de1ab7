"""What the `clock` pool tells of ledger and spool as metrics. Several clocks tell the same: take the highest."""

import asyncio
from collections.abc import Iterable
from typing import Any

import structlog
from prometheus_client import Gauge
from sqlalchemy import ColumnElement, Text, and_, exists, func, literal_column, select, table

from rollcast.errors import Permanent, Transient
from rollcast.states import FINAL_TRANSFER, ON_THE_LIST, OPEN_TRANSFER, Receiver, Transfer
from workers import metrics, room
from workers.ledger import Database, Ledger, sent
from workers.ledger.tables import sent_parts, sent_receivers, sent_transfers, spool_usage
from workers.settings import Settings

EVERY = 10.0
"""Seconds between two looks."""
AT_A_TIME = 100
LATE = 60 * sent.SECOND
"""µs after which whoever does not have a file that could be had is late."""
STALLED = 1800 * sent.SECOND
"""µs without any movement after which a transfer that is being cast stands still."""

log = structlog.get_logger()
_NOT_CLOSED = sent_transfers.c.due_at.is_not(None)
"""By an index: what is closed everywhere stays in the ledger, and is far more."""


class Census:
    """Looks, and sets the gauges. Any number of them may do it."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database

    async def run(self) -> None:
        """Look again and again until cancelled. What cannot be seen is not told."""
        while True:
            try:
                await self.look()
            except (Transient, Permanent) as error:
                metrics.forget()
                log.warning("the ledger cannot be looked at", error=str(error))
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Set all gauges of the ledger and the spool."""
        async with self._database.begin() as ledger:
            await _count(ledger)
            await _time(ledger)
            await self._measure_spool(ledger)
            revision = select(literal_column("version_num", Text)).select_from(table("alembic_version"))
            metrics.LEDGER_REVISION.set(await ledger.count(revision))

    async def _measure_spool(self, ledger: Ledger) -> None:
        usage = await ledger.first(select(spool_usage).where(spool_usage.c.server == self._settings.server))
        reserved = usage.reserved if usage else 0
        metrics.SPOOL_QUOTA.set(self._settings.spool_quota)
        metrics.SPOOL_RESERVED.set(reserved)
        metrics.SPOOL_STORED.set(reserved - await room.to_come(ledger))
        metrics.SPOOL_FREE.set(float("nan") if usage is None or usage.free is None else usage.free)


async def _count(ledger: Ledger) -> None:
    transfers = select(sent_transfers.c.state, func.count().label("value")).where(_NOT_CLOSED)
    await _set(metrics.TRANSFERS, Transfer, transfers.group_by(sent_transfers.c.state), ledger)
    receivers = (
        select(sent_receivers.c.state, func.count().label("value"))
        .join_from(sent_receivers, sent_transfers)
        .where(_NOT_CLOSED, sent_transfers.c.state.in_(list(OPEN_TRANSFER)))
        .group_by(sent_receivers.c.state)
    )
    await _set(metrics.RECEIVERS, Receiver, receivers, ledger)
    could_have_it = ledger.now - LATE
    late = (
        select(func.count())
        .select_from(sent_receivers)
        .join(sent_transfers)
        .where(
            _NOT_CLOSED,
            sent_transfers.c.state == Transfer.CASTING,
            sent_receivers.c.state.in_(list(ON_THE_LIST)),
        )
        .where(sent_transfers.c.uploaded_at < could_have_it, sent_transfers.c.resolved_at < could_have_it)
    )
    metrics.RECEIVERS_LATE.set(await ledger.count(late))


async def _set(gauge: Gauge, states: Iterable[str], query: Any, ledger: Ledger) -> None:
    """Set a gauge for all states by a query that gives some of them a `value`."""
    found = {row.state: row.value for row in await ledger.all(query)}
    for state in states:
        gauge.labels(state=state).set(found.get(state, 0))


async def _time(ledger: Ledger) -> None:
    for state in sorted(OPEN_TRANSFER):
        idle = await _longest(ledger, _MOVED, sent_transfers.c.state == state)
        metrics.IDLE.labels(state=state).set(idle)
    stalled = (
        select(func.count())
        .select_from(sent_transfers)
        .where(_NOT_CLOSED, sent_transfers.c.state == Transfer.CASTING, ledger.now - _MOVED > STALLED)
        # What was reported waits for nothing but those who put their decision off.
        .where(sent_transfers.c.finished_at.is_(None))
    )
    metrics.STALLED.set(await ledger.count(stalled))
    metrics.UNDONE.labels(step="s220").set(await _unchecked(ledger))
    for step, (since, condition) in _undone(ledger.now).items():
        metrics.UNDONE.labels(step=step).set(await _longest(ledger, since, condition))


async def _unchecked(ledger: Ledger) -> float:
    """Seconds for which the first of the transfers waits that S220 can check; not those that come in parts."""
    parts = (
        select(func.count()).where(sent_parts.c.transfer_id == sent_transfers.c.transfer_id).scalar_subquery()
    )
    query = (
        select(sent_transfers.c.request, parts.label("parts"), _MOVED.label("since"))
        .where(_NOT_CLOSED, sent_transfers.c.state == Transfer.REQUESTED)
        .order_by(_MOVED)
        .limit(AT_A_TIME)
    )
    whole = (row.since for row in await ledger.all(query) if row.parts == sent.request_of(row).parts)
    return max(0, ledger.now - next(whole, ledger.now)) / sent.SECOND


async def _longest(ledger: Ledger, since: ColumnElement[int], condition: ColumnElement[bool]) -> float:
    """Seconds since the first of the instants `since` of the transfers that this holds for; 0 without any."""
    first = (await ledger.execute(select(func.min(since)).where(_NOT_CLOSED, condition))).scalar_one()
    return 0.0 if first is None else max(0, ledger.now - first) / sent.SECOND


_MOVED = func.coalesce(sent_transfers.c.moved_at, sent_transfers.c.created_at)


def _undone(now: int) -> dict[str, tuple[ColumnElement[int], ColumnElement[bool]]]:
    """By step: since when something waits for it, and of which transfers."""
    t = sent_transfers.c
    casting = t.state == Transfer.CASTING
    return {
        "s250": (_MOVED, and_(t.state == Transfer.ASKING, t.list_version == 0, _has(Receiver.INVITED))),
        "s270": (
            t.consent_deadline,
            and_(t.state == Transfer.ASKING, t.list_version == 0, t.consent_deadline < now),
        ),
        "s280": (_MOVED, and_(casting, _has(Receiver.ACCEPTED))),
        "s290": (_MOVED, and_(casting, t.spooled == t.chunks, t.uploaded_at.is_(None))),
        "s310": (
            func.coalesce(t.finished_at, t.expires_at + sent.CONFIRMED_WITHIN),
            t.state.in_(list(FINAL_TRANSFER)) | (t.expires_at + sent.CONFIRMED_WITHIN < now),
        ),
    }


def _has(state: Receiver) -> ColumnElement[bool]:
    """Whether a transfer has receivers in this state."""
    return exists().where(
        sent_receivers.c.transfer_id == sent_transfers.c.transfer_id, sent_receivers.c.state == state
    )
