"""The `spool` pool: checks uploaded chunks, stores them, writes them down, and only then acknowledges them."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog
from sqlalchemy import select

from rollcast.addresses import domain_of, is_server_user
from rollcast.backoff import backoff
from rollcast.broker import Delivery, acknowledge, give_back
from rollcast.chunks import Drop, Label, Layout, digest_of, label_of
from rollcast.errors import BrokerUnavailable, Transient
from rollcast.messages import ChunksSpooled, SourceDiffered
from rollcast.states import FINAL_TRANSFER
from workers import metrics
from workers.ledger import Database, sent, spooled
from workers.ledger.tables import sent_transfers
from workers.line import Line
from workers.outbox import Outbox
from workers.store import Store
from workers.work import ToStep

BATCH = 8
"""Chunks that are in memory at a time."""
KNOWN = 1024
"""How many transfers' layouts are kept in memory."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds before chunks that could not be stored are given back, and come again at once."""
UNKNOWN_TRANSFER = "unknown_transfer"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Upload:
    """Who may upload the chunks of a transfer, and how they lie."""

    sender: str
    layout: Layout


@dataclass(frozen=True, slots=True)
class Stored:
    """A chunk that the store has."""

    delivery: Delivery
    label: Label


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

    async def run(self) -> None:
        """Store chunks until cancelled."""
        await self.serve(self._handle)

    async def drained(self) -> None:
        """Wait until nothing is in line or being handled; what cannot be stored is given back without a pause."""
        self._draining.set()
        await super().drained()

    async def _handle(self, batch: Sequence[Delivery]) -> None:
        try:
            stored = await asyncio.gather(*(self._keep(delivery) for delivery in batch))
            await self._write_down([one for one in stored if one is not None])
        except (Transient, BrokerUnavailable) as error:
            pause = next(self._pauses)
            log.warning("gives chunks back", error=str(error), chunks=len(batch), pause_s=round(pause, 1))
            await self._pause(pause)
            await asyncio.gather(*(give_back(delivery) for delivery in batch))
            return
        self._pauses = backoff(FIRST_PAUSE, LONGEST_PAUSE)
        await asyncio.gather(*(acknowledge(delivery) for delivery in batch))

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._draining.wait()

    async def _keep(self, delivery: Delivery) -> Stored | None:
        label = label_of(delivery.headers)
        upload = await self._upload(label.transfer_id) if label else None
        drop = await _fault(delivery, label, upload)
        if drop is not None or label is None:
            metrics.CHUNKS_REFUSED.labels(reason=drop).inc()
            log.warning("dropped a chunk", reason=drop, user=delivery.user_id, key=delivery.routing_key)
            if label is not None and upload is None and delivery.redelivered:
                # A worker may have died after it had stored it, and its transfer has ended since.
                await self._store.discard(label.transfer_id, label.index)
            return None
        await self._store.put(label.transfer_id, label.index, delivery.body)
        return Stored(delivery, label)

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

    async def _write_down(self, stored: Sequence[Stored]) -> None:
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
        for transfer_id in ended:
            await self._forget(transfer_id)
        metrics.CHUNKS_IN.inc(len(stored))
        metrics.BYTES_IN.inc(sum(len(one.delivery.body) for one in stored))

    async def _forget(self, transfer_id: str) -> None:
        # The spool was cleaned up while these chunks were on their way.
        upload, self._uploads[transfer_id] = self._uploads.get(transfer_id), None
        if upload is not None:
            await self._store.delete(transfer_id, upload.layout.count)

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


async def _fault(delivery: Delivery, label: Label | None, upload: Upload | None) -> str | None:
    if label is None or upload is None:
        return UNKNOWN_TRANSFER
    user = delivery.user_id or ""
    if user != upload.sender and not is_server_user(user):
        return Drop.WRONG_USER
    if delivery.routing_key != f"{upload.sender}.{label.transfer_id}":
        return Drop.WRONG_TRANSFER
    misfit = upload.layout.misfit(label.index, len(delivery.body))
    if misfit is not None:
        return misfit
    digest = await asyncio.to_thread(digest_of, delivery.body)
    return None if digest == label.digest else Drop.WRONG_DIGEST
