"""What comes through a lane: chunks are checked, stored, written down, then acknowledged."""

import asyncio
import functools
import logging
from collections import Counter

from rollcast.addresses import is_server_user
from rollcast.backoff import Silence
from rollcast.broker import Delivery, acknowledge
from rollcast.chunks import Drop, IndexSet, Label, Layout, digest_of, is_chunk, label_of
from rollcast.codec import decode
from rollcast.errors import RollcastError
from rollcast.messages import CastEnded
from rollcast.messages.values import Offer
from rollcast.receiving.journal import Journal
from rollcast.receiving.partfile import PartFile
from rollcast.receiving.repair import Repair

logger = logging.getLogger(__name__)


class Intake:
    """Takes the chunks of one offer. `whole` is resolved when all are stored, or fails with `OSError`."""

    def __init__(
        self,
        offer: Offer,
        layout: Layout,
        part: PartFile,
        journal: Journal,
        had: IndexSet,
        silence: Silence,
        repair: Repair,
    ) -> None:
        self._offer = offer
        self._layout = layout
        self._part = part
        self._journal = journal
        self._had = had
        self._silence = silence
        self._repair = repair
        self._storing: dict[int, asyncio.Future[bool]] = {}
        self.dropped: Counter[Drop] = Counter()
        self.whole: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._see_if_whole()

    async def on_delivery(self, delivery: Delivery) -> None:
        """Take a delivery of the lane and acknowledge it."""
        self._silence.end()
        try:
            await self._take(delivery)
        except Exception as error:
            # aio-pika would only log it, and the delivery would wait for ever.
            if not self.whole.done():
                self.whole.set_exception(error)
            return
        await acknowledge(delivery)

    async def settle(self) -> None:
        """Return when no thread writes any more."""
        if self._storing:
            await asyncio.wait(list(self._storing.values()))

    async def _take(self, delivery: Delivery) -> None:
        if is_chunk(delivery.headers):
            if drop := await self._take_chunk(delivery):
                self.dropped[drop] += 1
                logger.warning("dropped a chunk: %s", drop, extra={"transfer_id": self._offer.transfer_id})
        elif is_server_user(delivery.user_id or "") and self._says_end(delivery.body):
            await self.settle()
            self._repair.end_cast()

    async def _take_chunk(self, delivery: Delivery) -> Drop | None:
        label, user = label_of(delivery.headers), delivery.user_id or ""
        if user != self._offer.sender and not is_server_user(user):
            return Drop.WRONG_USER
        if label is None or label.transfer_id != self._offer.transfer_id:
            return Drop.WRONG_TRANSFER
        if misfit := self._layout.misfit(label.index, len(delivery.body)):
            return misfit
        while (storing := self._storing.get(label.index)) is not None:
            await asyncio.wait([storing])
        if label.index in self._had:
            return None
        return None if await self._store(label, delivery.body) else Drop.WRONG_DIGEST

    async def _store(self, label: Label, body: bytes) -> bool:
        storing = asyncio.get_running_loop().run_in_executor(None, self._write, label, body)
        self._storing[label.index] = storing
        storing.add_done_callback(functools.partial(self._stored, label.index))
        # A thread cannot be stopped: it is waited for in `settle` even if this task is cancelled.
        return await asyncio.shield(storing)

    def _write(self, label: Label, body: bytes) -> bool:
        """In a thread, the only one that a chunk costs."""
        if digest_of(body) != label.digest:
            return False
        self._part.write(self._layout.offset(label.index), body)
        self._journal.note_chunk(label.index)
        return True

    def _stored(self, index: int, storing: asyncio.Future[bool]) -> None:
        del self._storing[index]
        if not storing.cancelled() and storing.exception() is None and storing.result():
            self._had.add(index)
            self._see_if_whole()

    def _see_if_whole(self) -> None:
        if self._had.full and not self.whole.done():
            self.whole.set_result(None)

    def _says_end(self, body: bytes) -> bool:
        try:
            message = decode(body)
        except RollcastError as error:
            logger.warning("a message in the lane is not understood: %s", error)
            return False
        return isinstance(message, CastEnded) and message.transfer_id == self._offer.transfer_id
