"""All files on their way to a receiver."""

import asyncio
from dataclasses import dataclass

from rollcast.delivery import Delivery
from rollcast.events import Ended
from rollcast.fetch import Surroundings
from rollcast.journal import Line
from rollcast.messages import LaneOpened, TransferEnded
from rollcast.tasks import Tasks

MAX_PREFETCH = 8
PREFETCHED_BYTES = 16 * 1024 * 1024
"""What the broker may send ahead for all lanes together; each lane may always have one chunk."""


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

    def on_opened(self, message: LaneOpened) -> None:
        """A lane is there, or the server asks how far its file is. Raises `OSError`."""
        transfer_id = message.offer.transfer_id
        if running := self._running.get(transfer_id):
            running.delivery.prompt()
            return
        # Only those who accepted get a lane: without a journal of that, the folder was emptied since.
        journal = self._around.journals.begin(message.offer)
        if journal.ended:
            return
        delivery = Delivery(self._around, journal, message.lane, self._prefetch(message.offer.chunk_size))
        task = self._tasks.spawn(delivery.run())
        self._running[transfer_id] = _Running(delivery, task)
        task.add_done_callback(lambda _: self._running.pop(transfer_id))

    async def on_ended(self, message: TransferEnded) -> None:
        """The file will not come. One that is whole by now is kept, and its receipt corrects the report."""
        running = self._running.get(message.transfer_id)
        journal = self._around.journals.get(message.transfer_id)
        if journal is None or journal.ended or journal.receipt or (running and running.delivery.finishing):
            return
        journal.note(Line(ended=True))
        journal.close()
        if running:
            running.task.cancel()
            await asyncio.wait([running.task])
        self._around.journals.part(message.transfer_id).discard()
        if journal.accept is False:
            return
        self._around.events.put(
            Ended(transfer_id=message.transfer_id, state=message.state, reason=message.reason)
        )

    def _prefetch(self, chunk_size: int) -> int:
        share = PREFETCHED_BYTES // (chunk_size * (len(self._running) + 1))
        return max(1, min(MAX_PREFETCH, share))
