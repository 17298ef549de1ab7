"""All files on their way to a receiver."""

import asyncio
import functools
import logging
from dataclasses import dataclass

from rollcast.errors import BrokerUnavailable, RequestRefused
from rollcast.events import Ended
from rollcast.messages import LaneOpened, ReceiptRecorded, ReceiptReported, TransferEnded
from rollcast.receiving.delivery import Delivery
from rollcast.receiving.fetch import Surroundings
from rollcast.receiving.journal import Journal, Line
from rollcast.tasks import KeyedTasks, Tasks

logger = logging.getLogger(__name__)

MAX_PREFETCH = 8
PREFETCHED_BYTES = 16 * 1024 * 1024
"""What the broker may send ahead for all lanes together; each lane may always have one chunk."""
CONFIRMED_WITHIN = 600.0
"""Seconds; whoever still waits for it then asks again."""


@dataclass(frozen=True)
class _Running:
    delivery: Delivery
    task: asyncio.Task[None]


class Deliveries:
    """Starts, prompts and ends deliveries as the server says."""

    def __init__(self, around: Surroundings, tasks: Tasks) -> None:
        self._around = around
        self._tasks = tasks
        self._running: dict[str, _Running] = {}
        self._confirming = KeyedTasks(tasks)
        self._ending: set[str] = set()

    def on_opened(self, message: LaneOpened) -> None:
        """A lane is there, or the server asks how far its file is. Raises `OSError`."""
        transfer_id = message.offer.transfer_id
        if transfer_id in self._ending:
            return
        if running := self._current(transfer_id):
            running.delivery.prompt()
            return
        # Only those who accepted get a lane: without a journal of that, the folder was emptied since.
        journal = self._around.journals.begin(message.offer)
        if journal.ended:
            return
        self._run(self._delivery(journal, message.lane), transfer_id)

    def _delivery(self, journal: Journal, lane: str) -> Delivery:
        return Delivery(self._around, journal, lane, self._prefetch(journal.offer.chunk_size))

    def _run(self, delivery: Delivery, transfer_id: str) -> None:
        task = self._tasks.spawn(delivery.run())
        self._running[transfer_id] = _Running(delivery, task)
        task.add_done_callback(functools.partial(self._forget, transfer_id))

    def _current(self, transfer_id: str) -> _Running | None:
        """The delivery of that transfer, unless it has come to its end."""
        running = self._running.get(transfer_id)
        return None if running is None or running.task.done() else running

    def _forget(self, transfer_id: str, task: asyncio.Task[None]) -> None:
        if (running := self._running.get(transfer_id)) is not None and running.task is task:
            del self._running[transfer_id]

    async def on_ended(self, message: TransferEnded) -> None:
        """The file will not come: what is there of it goes, and the server is told so.

        One that is whole by now is kept, and its receipt corrects the report.
        """
        transfer_id = message.transfer_id
        if transfer_id in self._ending:
            # Nothing is confirmed before it is removed; whoever is at that confirms it.
            return
        self._ending.add(transfer_id)
        try:
            await self._end(message)
        finally:
            self._ending.discard(transfer_id)

    async def _end(self, message: TransferEnded) -> None:
        journal = self._around.journals.get(message.transfer_id)
        if journal is None:
            self._confirm(message.transfer_id)
            return
        # A process that was killed may have noted the end and removed nothing.
        is_news = not journal.ended or self._around.journals.part(message.transfer_id).path.exists()
        if not journal.ended and await self._is_kept(journal):
            return
        if not await self._remove(journal):
            return
        self._confirm(message.transfer_id)
        if is_news and journal.accept is not False:
            ended = Ended(
                transfer_id=message.transfer_id,
                offer=journal.offer,
                state=message.state,
                reason=message.reason,
            )
            self._around.events.put(ended)

    async def _is_kept(self, journal: Journal) -> bool:
        """Whether the file is whole, or about to be, or has failed: a receipt follows."""
        running = self._current(journal.offer.transfer_id)
        if running is None:
            return await self._stored_before(journal)
        return journal.receipt is not None or running.delivery.finishing

    async def _remove(self, journal: Journal) -> bool:
        """Stop what still runs and remove what is there. Returns whether nothing is left."""
        transfer_id = journal.offer.transfer_id
        noted = journal.ended or _note_ended(journal)
        if running := self._current(transfer_id):
            running.task.cancel()
            await asyncio.wait([running.task])
        try:
            self._around.journals.part(transfer_id).discard()
        except OSError as error:
            logger.warning("what is there of transfer %s could not be removed: %s", transfer_id, error)
            return False
        if not noted:
            _note_ended(journal)
        return True

    async def _stored_before(self, journal: Journal) -> bool:
        """Whether a former process has come to an end with the file. Its receipt may not have been taken."""
        delivery, transfer_id = self._delivery(journal, ""), journal.offer.transfer_id
        try:
            if await delivery.stored_before() is None:
                return False
        except OSError as error:
            # Whether there is a file is not known, so nothing is confirmed; the server asks again.
            logger.warning("the receipt of transfer %s could not be written down: %s", transfer_id, error)
            return True
        if self._current(transfer_id) is None:
            self._run(delivery, transfer_id)
        return True

    def _confirm(self, transfer_id: str) -> None:
        if self._confirming.get(transfer_id) is None:
            self._confirming.spawn(transfer_id, self._tell_discarded(transfer_id))

    async def _tell_discarded(self, transfer_id: str) -> None:
        discarded = ReceiptReported(transfer_id=transfer_id, outcome="discarded", bytes=0)
        try:
            await self._around.session.request(discarded, ReceiptRecorded, CONFIRMED_WITHIN)
        except (RequestRefused, BrokerUnavailable) as error:
            logger.warning("that transfer %s has ended here was not taken: %s", transfer_id, error)

    def _prefetch(self, chunk_size: int) -> int:
        share = PREFETCHED_BYTES // (chunk_size * (len(self._running) + 1))
        return max(1, min(MAX_PREFETCH, share))


def _note_ended(journal: Journal) -> bool:
    """Returns whether that could be done: on a full disk what is removed next makes room for it."""
    try:
        journal.note(Line(ended=True))
    except OSError as error:
        logger.warning(
            "the end of transfer %s could not be written down: %s", journal.offer.transfer_id, error
        )
        return False
    finally:
        journal.close()
    return True
