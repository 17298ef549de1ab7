"""The `progress` pool: sums up how far receivers are and passes it on, at most once a second per transfer.

Progress is transient: what is lost is made good by the next report. For whoever looks at a transfer the newest
figures are written down beside it every two seconds, all in one statement; no step goes by them.
"""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
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
from workers.batches import batches
from workers.broker.outbox import Outbox
from workers.ledger import Database, Ledger, figures, invited
from workers.ledger.tables import invited_receivers, invited_transfers, sent_transfers
from workers.process.logs import Seldom
from workers.settings import Settings
from workers.work import Publication, ToInboxes, ToStep

EVERY = 1.0
"""Seconds between two summaries of a transfer."""
NOTE_EVERY, FORGET_EVERY = 2, 60
"""Summaries from one note in the ledger to the next, and from one look for what can be forgotten."""
LASTS = 5_000_000
"""µs for which a summary is worth reading."""

log = structlog.get_logger()
Bytes = dict[str, int]


class Progress:
    """Keeps the newest figures since the last summary, and since the last note in the ledger."""

    def __init__(self, settings: Settings, database: Database, outbox: Outbox) -> None:
        self._settings = settings
        self._database = database
        self._outbox = outbox
        self._reported: dict[str, Bytes] = defaultdict(dict)
        self._passed_on: dict[str, Bytes] = defaultdict(dict)
        self._seldom = Seldom()
        self._unnoted: dict[tuple[str, str], tuple[int, float]] = {}

    async def take(self, delivery: Delivery) -> None:
        """Take one report in. What is not valid is counted and forgotten: the next report follows soon."""
        try:
            origin = envelope.read(delivery)
            message = decode(delivery.body)
            envelope.verify(origin, message, "progress", self._settings, delivery)
        except RollcastError as error:
            metrics.PARKED.labels(step="progress", reason=error.code).inc()
            if reports := self._seldom.due(error.code):
                log.warning(
                    "dropped reports of progress; the last one is told",
                    reports=reports,
                    error=str(error),
                    user=delivery.user_id,
                )
        else:
            self._note(origin.user, message)
        await acknowledge(delivery)

    def _note(self, user: str, message: object) -> None:
        match message:
            case ProgressReported():
                self._reported[message.transfer_id][user] = message.bytes
            case ReceiversProgressed():
                stored = {one.address: one.bytes for one in message.receivers}
                self._passed_on[message.transfer_id].update(stored)
                arrived = time.monotonic()
                for address, size in stored.items():
                    self._unnoted[message.transfer_id, address] = size, arrived

    async def run(self) -> None:
        """Pass on what has come, once a second, and note it now and then, until cancelled."""
        for seconds in itertools.count(1):
            await asyncio.sleep(EVERY)
            await self.flush()
            if seconds % NOTE_EVERY == 0:
                await self.note()
            if seconds % FORGET_EVERY == 0:
                await self.forget()

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
            if times := self._seldom.due("passing on"):
                log.warning("progress was not passed on", times=times, error=str(error))

    async def note(self) -> None:
        """Write down what has come since the last time, of transfers that go on: one transaction for all of it."""
        unnoted, self._unnoted = self._unnoted, {}
        if not unnoted:
            return
        try:
            async with self._database.begin() as ledger:
                going_on = {row.transfer_id for row in await _open({one for one, _ in unnoted}, ledger)}
                began = ledger.now - _microseconds(time.monotonic())
                await figures.note(
                    ledger,
                    (
                        figures.Figure(transfer_id, address, size, began + _microseconds(arrived))
                        for (transfer_id, address), (size, arrived) in unnoted.items()
                        if transfer_id in going_on
                    ),
                )
        except (Transient, Permanent) as error:
            log.warning("progress was not noted", error=str(error))

    async def forget(self) -> None:
        """Forget what was noted of transfers that have ended."""
        try:
            async with self._database.begin() as ledger:
                await figures.forget(ledger)
        except (Transient, Permanent) as error:
            log.warning("progress was not forgotten", error=str(error))


def _microseconds(seconds: float) -> int:
    return round(seconds * 1_000_000)


async def _to_homes(reported: dict[str, Bytes], ledger: Ledger) -> list[Publication]:
    columns = (invited_transfers.c.transfer_id, invited_transfers.c.offer, invited_receivers.c.address)
    query = (
        select(*columns)
        .join_from(invited_receivers, invited_transfers)
        .where(
            invited_receivers.c.transfer_id.in_(list(reported)),
            invited_receivers.c.address.in_({a for stored in reported.values() for a in stored}),
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
        for part in batches(receivers)
    ]


async def _to_senders(passed_on: dict[str, Bytes], ledger: Ledger) -> list[Publication]:
    going_on = await _open(passed_on, ledger)
    return [_summary(row, passed_on[row.transfer_id], ledger.now) for row in going_on]


async def _open(transfer_ids: Iterable[str], ledger: Ledger) -> Sequence[Row[Any]]:
    query = select(sent_transfers).where(
        sent_transfers.c.transfer_id.in_(list(transfer_ids)), sent_transfers.c.state.in_(list(OPEN_TRANSFER))
    )
    return await ledger.all(query)


def _summary(transfer: Row[Any], figures: Bytes, now: int) -> ToInboxes:
    slowest = sorted(figures.items(), key=lambda item: item[1])[:MAX_RECEIVERS]
    receivers = [ReceiverProgress(address=address, bytes=size) for address, size in slowest]
    summary = ProgressSummarized(transfer_id=transfer.transfer_id, receivers=receivers)
    return ToInboxes((transfer.sender,), summary, now + LASTS, transfer.session)
