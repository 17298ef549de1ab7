"""The `spool` pool: checks uploaded chunks, stores them, writes them down, and only then acknowledges them."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import structlog
from sqlalchemy import select

from rollcast.addresses import domain_of
from rollcast.backoff import backoff
from rollcast.broker import Delivery, acknowledge, give_back
from rollcast.chunks import Label, Layout, label_of
from rollcast.errors import BrokerUnavailable, Transient
from rollcast.messages import ChunksSpooled, SourceDiffered
from rollcast.states import FINAL_TRANSFER
from workers import about, metrics
from workers.broker.outbox import Outbox
from workers.ledger import Database, sent, spooled
from workers.ledger.tables import sent_transfers
from workers.line import Line
from workers.process.logs import Seldom
from workers.spool.chunk_checks import Upload, fault
from workers.spool.store import Store
from workers.work import ToStep

BATCH = 8
"""Chunks that are in memory at a time."""
KNOWN = 1024
"""How many transfers' layouts are kept in memory."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds before chunks that could not be stored are given back, and come again at once."""
AWAY = (Transient, BrokerUnavailable)
GIVES_BACK = "gives chunks back"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stored:
    """A chunk that the store has."""

    delivery: Delivery
    label: Label


class Undone(NamedTuple):
    """A chunk that goes back to its queue, and why."""

    delivery: Delivery
    error: BaseException


class Spooler(Line):
    """Takes chunks in. A chunk that is wrong is dropped and counted; it never ends a transfer."""

    def __init__(self, database: Database, store: Store, outbox: Outbox) -> None:
        super().__init__(BATCH)
        self._database = database
        self._store = store
        self._outbox = outbox
        self._uploads: dict[str, Upload | None] = {}
        self._pauses = backoff(FIRST_PAUSE, LONGEST_PAUSE)
        self._draining = asyncio.Event()
        self._seldom = Seldom()

    async def run(self) -> None:
        """Store chunks until cancelled."""
        await self.serve(self._handle)

    async def drained(self) -> None:
        """Wait until nothing is in line or being handled; what cannot be stored is given back without a pause."""
        self._draining.set()
        await super().drained()

    async def _handle(self, batch: Sequence[Delivery]) -> None:
        # All are over before one is given back: what is stored after somebody else has stored it may be left over.
        results = await asyncio.gather(*map(self._keep, batch), return_exceptions=True)
        stored = [result for result in results if isinstance(result, Stored)]
        pairs = zip(batch, results, strict=True)
        undone = [Undone(delivery, error) for delivery, error in pairs if isinstance(error, BaseException)]
        undone += await self._finish(stored)
        given_back = {id(one.delivery) for one in undone}
        done = [delivery for delivery in batch if id(delivery) not in given_back]
        await asyncio.gather(*map(acknowledge, done))
        if undone:
            await self._give_back(undone, hopeless=not done)
        else:
            self._pauses = backoff(FIRST_PAUSE, LONGEST_PAUSE)

    async def _finish(self, stored: Sequence[Stored]) -> list[Undone]:
        """Write down what is stored, and delete what came too late for its transfer. Returns what failed."""
        try:
            ended = await self._write_down(stored)
        except AWAY as error:
            return [Undone(one.delivery, error) for one in stored]
        undone = []
        for transfer_id in ended:
            try:
                await self._forget(transfer_id)
            except AWAY as error:
                late = (one for one in stored if one.label.transfer_id == transfer_id)
                undone += [Undone(one.delivery, error) for one in late]
        return undone

    async def _give_back(self, undone: Sequence[Undone], *, hopeless: bool) -> None:
        """One that cannot be done holds no other one up; if none can be done the store, or the ledger, is away."""
        error = next((one.error for one in undone if not isinstance(one.error, AWAY)), undone[0].error)
        if not isinstance(error, AWAY):
            raise error
        pause = next(self._pauses) if hopeless else 0.0
        if hopeless or self._seldom.due(GIVES_BACK):
            labels = [label for one in undone if (label := label_of(one.delivery.headers))]
            log.warning(
                GIVES_BACK,
                error=str(error),
                chunks=len(undone),
                pause_s=round(pause, 1),
                **about.transfers(label.transfer_id for label in labels),
            )
        await self._pause(pause)
        await asyncio.gather(*(give_back(one.delivery) for one in undone))

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._draining.wait()

    async def _keep(self, delivery: Delivery) -> Stored | None:
        label = label_of(delivery.headers)
        upload = await self._upload(label.transfer_id) if label else None
        drop = await fault(delivery, label, upload)
        if drop is not None or label is None:
            metrics.CHUNKS_REFUSED.labels(reason=drop).inc()
            self._tell_of(drop, delivery, label)
            if label is not None and upload is None and delivery.redelivered:
                # A worker may have died after it had stored it, and its transfer has ended since.
                await self._store.delete(label.transfer_id)
            return None
        await self._store.put(label.transfer_id, label.index, delivery.body)
        return Stored(delivery, label)

    def _tell_of(self, drop: str | None, delivery: Delivery, label: Label | None) -> None:
        if chunks := self._seldom.due(str(drop)):
            log.warning(
                "dropped chunks; the last one is told",
                chunks=chunks,
                reason=drop,
                user=delivery.user_id,
                key=delivery.routing_key,
                transfer=label.transfer_id if label else None,
            )

    async def _upload(self, transfer_id: str) -> Upload | None:
        if transfer_id not in self._uploads:
            if len(self._uploads) >= KNOWN:
                self._uploads.clear()
            self._uploads[transfer_id] = await self._look_up(transfer_id)
        return self._uploads[transfer_id]

    async def _look_up(self, transfer_id: str) -> Upload | None:
        async with self._database.begin() as ledger:
            row = await ledger.first(
                select(sent_transfers).where(sent_transfers.c.transfer_id == transfer_id)
            )
        if row is None or row.state in FINAL_TRANSFER:
            return None
        request = sent.request_of(row)
        return Upload(row.sender, Layout(request.file.size, request.chunk_size))

    async def _write_down(self, stored: Sequence[Stored]) -> list[str]:
        """Returns the transfers that have ended, whose spool was cleaned up while these were on their way."""
        by_transfer, twice = _by_transfer(stored)
        messages: list[ToStep] = []
        async with self._database.begin() as ledger:
            transfers = await sent.lock(ledger, by_transfer)
            ended = [key for key, row in transfers.items() if row.state in FINAL_TRANSFER]
            for transfer_id, chunks in by_transfer.items():
                if transfer_id not in ended:
                    new, differing = await spooled.add(ledger, transfer_id, chunks)
                    messages += self._news(transfer_id, new, twice.get(transfer_id, differing))
        await self._outbox.publish(messages)
        metrics.CHUNKS_SPOOLED.inc(len(stored))
        metrics.BYTES_SPOOLED.inc(sum(len(one.delivery.body) for one in stored))
        return ended

    async def _forget(self, transfer_id: str) -> None:
        self._uploads[transfer_id] = None
        await self._store.delete(transfer_id)

    def _news(self, transfer_id: str, new: int, differing: int | None) -> list[ToStep]:
        upload = self._uploads.get(transfer_id)
        if upload is None:
            return []
        home = domain_of(upload.sender)
        if differing is not None:
            return [ToStep(home, SourceDiffered(transfer_id=transfer_id, index=differing))]
        return [ToStep(home, ChunksSpooled(transfer_id=transfer_id, count=new))]


def _by_transfer(stored: Sequence[Stored]) -> tuple[dict[str, dict[int, bytes]], dict[str, int]]:
    """The first digest of each index, by transfer; and for some transfers an index that came with two."""
    chunks: dict[str, dict[int, bytes]] = defaultdict(dict)
    twice: dict[str, int] = {}
    for label in (one.label for one in stored):
        digest = bytes.fromhex(label.digest)
        if chunks[label.transfer_id].setdefault(label.index, digest) != digest:
            twice[label.transfer_id] = label.index
    return chunks, twice
