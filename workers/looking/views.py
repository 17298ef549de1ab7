"""Transfers as people and programs see them: how they stand, and how far each receiver is."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, Select, case, func, select

from rollcast.messages.values import (
    MAX_RECEIVERS,
    MAX_TEXT,
    ReceiverCount,
    ReceiverStatus,
    TransferStatus,
)
from rollcast.reasons import Code
from rollcast.states import ON_THE_LIST, UNANSWERED, WITHOUT_IT, Receiver, Transfer
from workers.ledger import Ledger, figures, roll, sent
from workers.ledger.tables import sent_progress, sent_receivers

_STATES = list(Receiver)
_OF_THE_SAME = (sent_progress.c.transfer_id == sent_receivers.c.transfer_id) & (
    sent_progress.c.address == sent_receivers.c.address
)


def status_of(transfer: Row[Any]) -> TransferStatus:
    """A row of `sent_transfers` as a message carries it."""
    request = sent.request_of(transfer)
    return TransferStatus(
        transfer_id=transfer.transfer_id,
        state=Transfer(transfer.state),
        report_version=transfer.report_version,
        list_version=transfer.list_version,
        list_policy=request.list_policy[:MAX_TEXT],
        sender=transfer.sender,
        created_at=transfer.created_at,
        expires_at=transfer.expires_at,
        file=request.file,
        reason=Code(transfer.reason) if transfer.reason else None,
        detail=transfer.detail,
        roll_call_us=_between(transfer.created_at, transfer.resolved_at),
        delivery_us=_between(transfer.resolved_at, transfer.finished_at),
        retry_of=transfer.retry_of,
        consent_deadline=transfer.consent_deadline,
        uploaded=min(transfer.spooled * request.chunk_size, request.file.size),
    )


def _between(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else max(0, end - start)


async def statuses(ledger: Ledger, transfers: Iterable[Row[Any]]) -> list[TransferStatus]:
    """Transfers with how many of their receivers are in each state, and how far they are together."""
    found = [status_of(row) for row in transfers]
    ids = [status.transfer_id for status in found]
    counts, moving = await _counts(ledger, ids), await _moving(ledger, ids)
    return [_counted(status, counts[status.transfer_id], moving.get(status.transfer_id)) for status in found]


def _counted(
    status: TransferStatus, counts: list[ReceiverCount], moving: tuple[int, int | None] | None
) -> TransferStatus:
    delivered = sum(count.number for count in counts if count.state is Receiver.DELIVERED)
    stored, rate = moving or (0, None)
    return msgspec.structs.replace(
        status, counts=counts, stored=delivered * status.file.size + stored, rate=rate
    )


async def _counts(ledger: Ledger, transfer_ids: Sequence[str]) -> dict[str, list[ReceiverCount]]:
    query = (
        select(sent_receivers.c.transfer_id, sent_receivers.c.state, func.count().label("number"))
        .where(sent_receivers.c.transfer_id.in_(transfer_ids))
        .group_by(sent_receivers.c.transfer_id, sent_receivers.c.state)
    )
    counts: dict[str, list[ReceiverCount]] = defaultdict(list)
    for row in sorted(await ledger.all(query), key=lambda row: _STATES.index(row.state)):
        counts[row.transfer_id].append(ReceiverCount(state=Receiver(row.state), number=row.number))
    return counts


async def _moving(ledger: Ledger, transfer_ids: Sequence[str]) -> dict[str, tuple[int, int | None]]:
    """Bytes stored by those on the list, and the sum of their rates."""
    query = (
        select(
            sent_progress.c.transfer_id,
            func.sum(sent_progress.c.bytes).label("stored"),
            func.sum(figures.rate(ledger.now)).label("rate"),
        )
        .join(sent_receivers, _OF_THE_SAME)
        .where(sent_progress.c.transfer_id.in_(transfer_ids), sent_receivers.c.state.in_(list(ON_THE_LIST)))
        .group_by(sent_progress.c.transfer_id)
    )
    return {
        row.transfer_id: (int(row.stored), None if row.rate is None else int(row.rate))
        for row in await ledger.all(query)
    }


async def page(
    ledger: Ledger, transfer_id: str, after: int, most: int = MAX_RECEIVERS
) -> tuple[list[ReceiverStatus], int | None]:
    """The receivers from the position `after` on, and the next position if there are more."""
    query = (
        receivers_and_progress(ledger.now)
        .where(sent_receivers.c.transfer_id == transfer_id, sent_receivers.c.position >= after)
        .order_by(sent_receivers.c.position)
        .limit(most + 1)
    )
    rows = await ledger.all(query)
    following = rows[most].position if len(rows) > most else None
    return [receiver_of(row) for row in rows[:most]], following


async def slowest(ledger: Ledger, transfer_id: str, most: int) -> list[ReceiverStatus]:
    """The receivers that hold a transfer up most: who has not answered, who stands still, who has least of it."""
    query = receivers_and_progress(ledger.now).where(sent_receivers.c.transfer_id == transfer_id)
    rows = await ledger.all(query.order_by(_rank(), *behind(ledger.now)).limit(most))
    return [receiver_of(row) for row in rows]


def behind(now: int) -> tuple[Any, ...]:
    """An order of receivers: who stands still comes first, then who has stored least."""
    return (
        case((sent_progress.c.moved_at < now - figures.STILL, 0), else_=1),
        func.coalesce(sent_progress.c.bytes, 0),
        sent_receivers.c.position,
    )


def receivers_and_progress(now: int, *columns: Any) -> Select[Any]:
    """Receivers with what was noted of their progress, and `columns` of other tables."""
    return select(
        sent_receivers,
        sent_progress.c.bytes.label("stored"),
        figures.rate(now).label("rate"),
        sent_progress.c.moved_at,
        *columns,
    ).join_from(sent_receivers, sent_progress, _OF_THE_SAME, isouter=True)


def receiver_of(row: Row[Any]) -> ReceiverStatus:
    """A row of `receivers_and_progress` as a message carries it."""
    status = roll.status_of(row)
    if status.state not in ON_THE_LIST or row.stored is None:
        return status
    return msgspec.structs.replace(status, bytes=row.stored, rate=row.rate, moved_at=row.moved_at)


def _rank() -> Any:
    ranks = (UNANSWERED, ON_THE_LIST, {Receiver.DEFERRED}, WITHOUT_IT)
    state = sent_receivers.c.state
    told = [(state.in_(list(states)), rank) for rank, states in enumerate(ranks)]
    return case(*told, (state == Receiver.DELIVERED, len(ranks) + 1), else_=len(ranks))
