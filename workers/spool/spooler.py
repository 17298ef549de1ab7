"""The `spool` pool: checks uploaded chunks, stores them, writes them down, and only then acknowledges them."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import structlog
from sqlalchemy import select

from rollcast.addresses import domain_of
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
from workers.spool.chunk_checks import ENDED, FAULT, Upload, fault
from workers.spool.store import Store
from workers.work import ToStep

BATCH = 8
"""Chunks that are in memory at a time."""
KNOWN = 1024
"""How many transfers' layouts are kept in memory."""
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
        self._uploads: dict[str, Upload] = {}
        self._seldom = Seldom()

    async def run(self) -> None:
        """Store chunks until cancelled."""
        await self.serve(self._handle)

    async def _handle(self, batch: Sequence[Delivery]) -> None:
        # All are over before one is given back: what is stored after somebody else has stored it may be left over.
        results = await asyncio.gather(*map(self._keep, batch), return_exceptions=True)
        stored = [result for result in results if isinstance(result, Stored)]
        pairs = zip(batch, results, strict=True)
        undone = [Undone(delivery, error) for delivery, error in pairs if isinstance(error, BaseException)]
        undone += await self._finish(stored)
        away = [one for one in undone if isinstance(one.error, AWAY)]
        for one in undone:
            if not isinstance(one.error, AWAY):
                self._drop(one)
        given_back = {id(one.delivery) for one in away}
        done = [delivery for delivery in batch if id(delivery) not in given_back]
        await asyncio.gather(*map(acknowledge, done))
        if away:
            await self._give_back(away, hopeless=not done)
        else:
            self.note_success()

    async def _finish(self, stored: Sequence[Stored]) -> list[Undone]:
        """Write down what is stored, and delete what came too late for its transfer. Returns what failed."""
        try:
            ended = await self._write_down(stored)
        except Exception as error:
            return [Undone(one.delivery, error) for one in stored]
        undone = []
        for transfer_id in ended:
            try:
                await self._forget(transfer_id)
            except Exception as error:
                late = (one for one in stored if one.label.transfer_id == transfer_id)
                undone += [Undone(one.delivery, error) for one in late]
        return undone

    def _drop(self, one: Undone) -> None:
        """A fault: given back, the chunk would take down one worker after the other. It is asked for again."""
        if not isinstance(one.error, Exception):
            raise one.error
        metrics.CHUNKS_REFUSED.labels(reason=FAULT).inc()
        log.error("dropped a chunk over a fault", exc_info=one.error, **_transfers([one]))

    async def _give_back(self, undone: Sequence[Undone], *, hopeless: bool) -> None:
        """One that cannot be done holds no other one up; if none can be done the store, or the ledger, is away."""
        if hopeless or self._seldom.due(GIVES_BACK):
            log.warning(GIVES_BACK, error=str(undone[0].error), chunks=len(undone), **_transfers(undone))
        if hopeless:
            await self.pause()
        await asyncio.gather(*(give_back(one.delivery) for one in undone))

    async def _keep(self, delivery: Delivery) -> Stored | None:
        label = label_of(delivery.headers)
        upload = await self._upload(label.transfer_id) if label else None
        drop = await fault(delivery, label, upload)
        if drop is not None or label is None:
            self._refuse(drop, delivery, label)
            if label and drop == ENDED and delivery.redelivered:
                # A worker may have died after it had stored it, and its transfer has ended since.
                await self._store.delete(label.transfer_id)
            return None
        return await self._put(delivery, label)

    async def _put(self, delivery: Delivery, label: Label) -> Stored | None:
        try:
            await self._store.put(label.transfer_id, label.index, delivery.body)
        except Transient:
            known = await self._look_up(label.transfer_id)
            if known is None or not known.ended:
                raise
            # It ended meanwhile, and its folder was removed under the chunk.
            await self._forget(label.transfer_id)
            self._refuse(ENDED, delivery, label)
            return None
        return Stored(delivery, label)

    def _refuse(self, drop: str | None, delivery: Delivery, label: Label | None) -> None:
        metrics.CHUNKS_REFUSED.labels(reason=drop).inc()
        if chunks := self._seldom.due(str(drop)):
            # Receipts may all be there before the upload is stored: what comes later is not wrong.
            log.log(
                logging.DEBUG if drop == ENDED else logging.WARNING,
                "dropped chunks; the last one is told",
                chunks=chunks,
                reason=drop,
                user=delivery.user_id,
                key=delivery.routing_key,
                transfer=label.transfer_id if label else None,
            )

    async def _upload(self, transfer_id: str) -> Upload | None:
        if transfer_id in self._uploads:
            return self._uploads[transfer_id]
        found = await self._look_up(transfer_id)
        if found is not None:
            if len(self._uploads) >= KNOWN:
                self._uploads.clear()
            self._uploads[transfer_id] = found
        return found

    async def _look_up(self, transfer_id: str) -> Upload | None:
        async with self._database.begin() as ledger:
            row = await ledger.first(
                select(sent_transfers).where(sent_transfers.c.transfer_id == transfer_id)
            )
        if row is None:
            return None
        request = sent.request_of(row)
        layout = Layout(request.file.size, request.chunk_size)
        return Upload(row.sender, layout, ended=row.state in FINAL_TRANSFER)

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
        if (known := self._uploads.get(transfer_id)) is not None:
            self._uploads[transfer_id] = replace(known, ended=True)
        await self._store.delete(transfer_id)

    def _news(self, transfer_id: str, new: int, differing: int | None) -> list[ToStep]:
        upload = self._uploads.get(transfer_id)
        if upload is None:
            return []
        home = domain_of(upload.sender)
        if differing is not None:
            return [ToStep(home, SourceDiffered(transfer_id=transfer_id, index=differing))]
        return [ToStep(home, ChunksSpooled(transfer_id=transfer_id, count=new))]


def _transfers(undone: Iterable[Undone]) -> dict[str, object]:
    labels = (label_of(one.delivery.headers) for one in undone)
    return about.transfers(label.transfer_id for label in labels if label)


def _by_transfer(stored: Sequence[Stored]) -> tuple[dict[str, dict[int, bytes]], dict[str, int]]:
    """The first digest of each index, by transfer; and for some transfers an index that came with two."""
    chunks: dict[str, dict[int, bytes]] = defaultdict(dict)
    twice: dict[str, int] = {}
    for label in (one.label for one in stored):
        digest = bytes.fromhex(label.digest)
        if chunks[label.transfer_id].setdefault(label.index, digest) != digest:
            twice[label.transfer_id] = label.index
    return chunks, twice
