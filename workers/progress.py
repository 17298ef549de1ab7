"""The `progress` pool: sums up how far receivers are and passes it on, at most once a second per transfer.

Progress is transient from end to end: nothing is written down, and what is lost is made good by the next report.
"""

import asyncio
from collections import defaultdict
from typing import Any

import structlog
from sqlalchemy import Row, select

from rollcast.addresses import domain_of
from rollcast.broker import Delivery, acknowledge
from rollcast.codec import decode
from rollcast.errors import Permanent, RollcastError, Transient
from rollcast.messages import ProgressReported, ProgressSummarized, ReceiversProgressed
from rollcast.messages.values import MAX_RECEIVERS, ReceiverProgress
from rollcast.states import ON_THE_LIST, OPEN_TRANSFER
from workers import envelope, metrics
from workers.ledger import Database, Ledger, invited, sent
from workers.ledger.tables import invited_receivers, invited_transfers, sent_transfers
from workers.outbox import Outbox
from workers.settings import Settings
from workers.work import Publication, ToInboxes, ToStep

EVERY = 1.0
"""Seconds between two summaries of a transfer."""
LASTS = 5_000_000
"""µs for which a summary is worth reading."""

log = structlog.get_logger()
Bytes = dict[str, int]


class Progress:
    """Keeps the newest figures since the last summary, and nothing else."""

    def __init__(self, settings: Settings, database: Database, outbox: Outbox) -> None:
        self._settings = settings
        self._database = database
        self._outbox = outbox
        self._reported: dict[str, Bytes] = defaultdict(dict)
        self._passed_on: dict[str, Bytes] = defaultdict(dict)

    async def take(self, delivery: Delivery) -> None:
        """Take one report in. What is not valid is counted and forgotten: the next report follows soon."""
        try:
            origin = envelope.read(delivery)
            message = decode(delivery.body)
            envelope.verify(origin, message, "progress", self._settings, delivery)
        except RollcastError as error:
            metrics.PARKED.labels(step="progress", reason=error.code).inc()
            log.warning("dropped a progress report", error=str(error), user=delivery.user_id)
        else:
            self._note(origin.user, message)
        await acknowledge(delivery)

    def _note(self, user: str, message: object) -> None:
        match message:
            case ProgressReported():
                self._reported[message.transfer_id][user] = message.bytes
            case ReceiversProgressed():
                figures = {one.address: one.bytes for one in message.receivers}
                self._passed_on[message.transfer_id].update(figures)

    async def run(self) -> None:
        """Pass on what has come, once a second, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            await self.flush()

    async def flush(self) -> None:
        """Pass on what has come since the last time: one look into the ledger, however much it is."""
        reported, self._reported = self._reported, defaultdict(dict)
        passed_on, self._passed_on = self._passed_on, defaultdict(dict)
        if not reported and not passed_on:
            return
        try:
            async with self._database.begin() as ledger:
                messages = [*await _to_homes(reported, ledger), *await _to_senders(passed_on, ledger)]
            await self._outbox.publish(messages)
        except (Transient, Permanent) as error:
            log.warning("progress was not passed on", error=str(error))


async def _to_homes(reported: dict[str, Bytes], ledger: Ledger) -> list[Publication]:
    columns = (invited_transfers.c.transfer_id, invited_transfers.c.offer, invited_receivers.c.address)
    query = (
        select(*columns)
        .join_from(invited_receivers, invited_transfers)
        .where(
            invited_receivers.c.transfer_id.in_(list(reported)),
            invited_receivers.c.address.in_({a for figures in reported.values() for a in figures}),
            invited_receivers.c.state.in_(list(ON_THE_LIST)),
        )
    )
    homes: dict[tuple[str, str], list[ReceiverProgress]] = defaultdict(list)
    for row in await ledger.all(query):
        if row.address in reported[row.transfer_id]:
            progress = ReceiverProgress(address=row.address, bytes=reported[row.transfer_id][row.address])
            homes[row.transfer_id, domain_of(invited.offer_of(row).sender)].append(progress)
    return [
        ToStep(home, ReceiversProgressed(transfer_id=transfer_id, receivers=part))
        for (transfer_id, home), receivers in homes.items()
        for part in sent.batches(receivers)
    ]


async def _to_senders(passed_on: dict[str, Bytes], ledger: Ledger) -> list[Publication]:
    query = select(sent_transfers).where(
        sent_transfers.c.transfer_id.in_(list(passed_on)), sent_transfers.c.state.in_(list(OPEN_TRANSFER))
    )
    return [_summary(row, passed_on[row.transfer_id], ledger.now) for row in await ledger.all(query)]


def _summary(transfer: Row[Any], figures: Bytes, now: int) -> ToInboxes:
    slowest = sorted(figures.items(), key=lambda item: item[1])[:MAX_RECEIVERS]
    receivers = [ReceiverProgress(address=address, bytes=size) for address, size in slowest]
    summary = ProgressSummarized(transfer_id=transfer.transfer_id, receivers=receivers)
    return ToInboxes((transfer.sender,), summary, now + LASTS, transfer.session)
