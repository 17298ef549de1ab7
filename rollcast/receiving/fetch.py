"""Fetching the chunks of one file: its lane, the repair of what is missing, the progress."""

import asyncio
from dataclasses import dataclass

from rollcast.backoff import Silence
from rollcast.broker import Consumer
from rollcast.chunks import IndexSet, Layout, Range
from rollcast.events import ReceiverEvent, Stored
from rollcast.messages import ChunksMissing, ProgressReported
from rollcast.receiving.intake import Intake
from rollcast.receiving.journal import Journal
from rollcast.receiving.journals import Journals
from rollcast.receiving.partfile import PartFile
from rollcast.receiving.repair import Repair
from rollcast.registration import Registration
from rollcast.session import Session
from rollcast.tasks import Stream, Tasks

PROGRESS_EVERY = 1.0


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What all deliveries of a receiver share."""

    session: Session
    registration: Registration
    journals: Journals
    events: Stream[ReceiverEvent]


class Fetch:
    """Fetches the chunks that are not in `had` into the part file. `prompted`: they are overdue."""

    def __init__(
        self, around: Surroundings, journal: Journal, part: PartFile, had: IndexSet, *, prompted: bool
    ) -> None:
        offer = journal.offer
        self._around = around
        self._transfer_id = offer.transfer_id
        self._layout = Layout(offer.file.size, offer.chunk_size)
        self._had = had
        silence = Silence()
        self._repair = Repair(had, offer.chunk_size, silence, self._ask)
        self._intake = Intake(offer, self._layout, part, journal, had, silence, self._repair)
        self._lane_was_lost = False
        if prompted:
            self._repair.prompt()

    def prompt(self) -> None:
        """The server asks what is missing."""
        self._repair.prompt()

    async def run(self, lane: str, prefetch: int) -> None:
        """Return when all chunks are stored. Raises `OSError`."""
        if self._had.full:
            return
        consumer = Consumer(
            self._around.session.bulk,
            lane,
            self._intake.on_delivery,
            prefetch=prefetch,
            prepare=self._prepare,
        )
        tasks = Tasks(self._around.events)
        try:
            for work in (consumer.run(), self._repair.run(), self._report_progress()):
                tasks.spawn(work)
            await self._intake.whole
        finally:
            await tasks.close()
            await self._intake.settle()

    async def _prepare(self) -> None:
        """The lane is there at first; when it is lost, registering brings it back."""
        if self._lane_was_lost:
            await self._around.registration.renew()
        self._lane_was_lost = True

    async def _ask(self, ranges: list[Range]) -> None:
        missing = ChunksMissing(transfer_id=self._transfer_id, ranges=ranges, lacking=self._had.lacking)
        await self._around.session.tell(missing)

    async def _report_progress(self) -> None:
        told = self._layout.bytes_in(self._had)
        while True:
            await asyncio.sleep(PROGRESS_EVERY)
            if (stored := self._layout.bytes_in(self._had)) != told:
                told = stored
                await self._tell_progress(stored)

    async def _tell_progress(self, stored: int) -> None:
        self._around.events.put(Stored(transfer_id=self._transfer_id, bytes=stored, size=self._layout.size))
        progress = ProgressReported(transfer_id=self._transfer_id, bytes=stored)
        await self._around.session.tell(progress, persistent=False)
