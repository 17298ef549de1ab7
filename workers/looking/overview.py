"""What operators see of a server at a moment, as far as its ledger knows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from rollcast.messages import OverviewAnswered
from rollcast.messages.figures import SpoolFigures, Straggler, TransferCount
from rollcast.states import ON_THE_LIST, OPEN_TRANSFER, Transfer
from workers.ledger import Ledger, sent
from workers.ledger.tables import sent_receivers, sent_transfers, spool_usage
from workers.looking import views
from workers.looking.transfer_queries import of_domain
from workers.settings import Settings
from workers.work import Services

DAY = 86_400 * 1_000_000
"""µs for which transfers that have ended are counted."""
TRANSFERS, STRAGGLERS = 20, 20
"""How many are told of."""


async def look_into_ledger(domain: str, services: Services) -> OverviewAnswered:
    """The part of an overview that the ledger knows."""
    ledger = services.ledger
    going_on = await _going_on(ledger, domain)
    counts = await _counts(ledger, domain)
    return OverviewAnswered(
        server=services.settings.server,
        at=ledger.now,
        queues=[],
        spool=await _spool(ledger, services.settings),
        counts=counts,
        open=sum(count.number for count in counts if count.state in OPEN_TRANSFER),
        transfers=await views.statuses(ledger, going_on),
        stragglers=await _stragglers(ledger, domain),
    )


def _is_open() -> ColumnElement[bool]:
    # Of those that have ended only the few that are not yet cleaned up have it: the index has few rows.
    return sent_transfers.c.due_at.is_not(None)


async def _counts(ledger: Ledger, domain: str) -> list[TransferCount]:
    query = (
        select(sent_transfers.c.state, func.count().label("number"))
        .where(of_domain(domain), or_(_is_open(), sent_transfers.c.created_at >= ledger.now - DAY))
        .group_by(sent_transfers.c.state)
    )
    return [TransferCount(state=Transfer(row.state), number=row.number) for row in await ledger.all(query)]


async def _going_on(ledger: Ledger, domain: str) -> Sequence[Any]:
    query = (
        select(sent_transfers)
        .where(_is_open(), of_domain(domain), sent_transfers.c.state.in_(list(OPEN_TRANSFER)))
        .order_by(sent_transfers.c.created_at.desc(), sent_transfers.c.transfer_id)
        .limit(TRANSFERS)
    )
    return await ledger.all(query)


async def _stragglers(ledger: Ledger, domain: str) -> list[Straggler]:
    query = (
        views.receivers_and_progress(ledger.now, sent_transfers.c.request)
        .join(sent_transfers, sent_transfers.c.transfer_id == sent_receivers.c.transfer_id)
        .where(_is_open(), of_domain(domain), sent_transfers.c.state == Transfer.CASTING)
        .where(sent_receivers.c.state.in_(list(ON_THE_LIST)))
        .order_by(*views.behind(ledger.now))
        .limit(STRAGGLERS)
    )
    return [
        Straggler(
            transfer_id=row.transfer_id,
            size=sent.request_of(row).file.size,
            receiver=views.receiver_of(row),
        )
        for row in await ledger.all(query)
    ]


async def _spool(ledger: Ledger, settings: Settings) -> SpoolFigures | None:
    row = await ledger.first(select(spool_usage).where(spool_usage.c.server == settings.server))
    if row is None:
        return None
    return SpoolFigures(reserved=max(0, row.reserved), quota=settings.spool_quota, free=row.free)
