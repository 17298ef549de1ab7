"""One file on its way to a receiver: fetched, checked, named, and its receipt sent."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rollcast import filenames
from rollcast.chunks import IndexSet, Layout
from rollcast.errors import BrokerUnavailable, RequestRefused
from rollcast.events import Delivered, Failed, Opened, ReceiverEvent
from rollcast.hashing import digests
from rollcast.messages import ReceiptRecorded, ReceiptReported
from rollcast.messages.values import MAX_TEXT, Hashes
from rollcast.receiving.fetch import Fetch, Surroundings
from rollcast.receiving.journal import Journal, Line

logger = logging.getLogger(__name__)

GRACE = 60.0
"""Seconds after the expiry during which a receipt may still be answered."""


class Unstorable(Exception):
    """The file cannot be delivered here; the message is a sentence for the sender."""


class Delivery:
    """Sees one file through. `finishing` is set while it takes its name, or may have it already."""

    def __init__(self, around: Surroundings, journal: Journal, lane: str, prefetch: int) -> None:
        self._around = around
        self._journal = journal
        self._offer = journal.offer
        self._lane = lane
        self._prefetch = prefetch
        self._layout = Layout(self._offer.file.size, self._offer.chunk_size)
        self._part = around.journals.part(self._offer.transfer_id)
        self._fetching: Fetch | None = None
        self.finishing = False

    def prompt(self) -> None:
        """The server asks how far this is."""
        if self._fetching is not None:
            self._fetching.prompt()

    async def run(self) -> None:
        """Fetch the file if that was not done before, and repeat the receipt until the server has it."""
        try:
            async with asyncio.timeout(self._time_left()):
                receipt = self._journal.receipt or await self._obtain()
        except TimeoutError:
            logger.warning("transfer %s expired", self._offer.transfer_id)
            with self._logged("what is there of it could not be removed"):
                self._part.discard()
            return
        finally:
            self._part.close()
            self._journal.close()
        await self._report(receipt)

    async def _obtain(self) -> ReceiptReported:
        try:
            return await self._store()
        except OSError as error:
            return self._failure(f"the file could not be stored: {error.strerror or error}")
        except Unstorable as error:
            return self._failure(str(error))

    async def _store(self) -> ReceiptReported:
        if trouble := filenames.problem(self._offer.file.name):
            raise Unstorable(f"the name {self._offer.file.name!r} {trouble}")
        self.finishing = True
        if stored := await self.stored_before():
            return stored
        self.finishing = False
        await self._fetch_right_bytes()
        self.finishing = True
        return self._success(await asyncio.to_thread(self._take_name))

    async def stored_before(self) -> ReceiptReported | None:
        """The receipt of a former process, which perhaps came as far as naming the file and no further."""
        if receipt := self._journal.receipt:
            return receipt
        name = self._journal.naming
        return self._success(name) if name and await self._has_name(name) else None

    async def _fetch_right_bytes(self) -> None:
        resumed, had = self._resume()
        right = await self._fetch(had, prompted=resumed)
        if resumed and not right:
            # After a power cut the journal may know more than the disk.
            right = await self._fetch(self._start_again(), prompted=True)
        if not right:
            raise Unstorable("all chunks came, but the digest of the whole file is wrong")

    def _resume(self) -> tuple[bool, IndexSet]:
        """Open the part file. Returns whether this file was being received before, and what is there of it."""
        resumed, had = self._journal.opened, IndexSet(self._layout.count)
        if resumed and self._part.path.exists():
            for first, stop in self._journal.chunks():
                had.add_range(first, stop)
        else:
            self._journal.note(Line(opened=True, restarted=resumed))
        self._part.open()
        self._around.events.put(Opened(transfer_id=self._offer.transfer_id, offer=self._offer))
        return resumed, had

    def _start_again(self) -> IndexSet:
        self._part.discard()
        self._journal.note(Line(restarted=True))
        self._part.open()
        return IndexSet(self._layout.count)

    async def _fetch(self, had: IndexSet, *, prompted: bool) -> bool:
        """Fetch what is missing, and sync it. Returns whether the whole file is the one that was offered."""
        self._fetching = Fetch(self._around, self._journal, self._part, had, prompted=prompted)
        try:
            await self._fetching.run(self._lane, self._prefetch)
        finally:
            self._fetching = None
        found, _ = await asyncio.gather(self._digest(self._part.file), asyncio.to_thread(self._part.sync))
        return found == self._offer.file.hash

    async def _has_name(self, name: str) -> bool:
        """Whether a former process came as far as naming the file."""
        target = self._around.journals.folder / name
        if not await asyncio.to_thread(self._part.has_taken, target):
            return False
        with target.open("rb") as file:
            return await self._digest(file.fileno()) == self._offer.file.hash

    async def _digest(self, file: int) -> Hashes:
        return await digests(file, self._layout.size, sha256=self._offer.file.hash.sha256 is not None)

    def _take_name(self) -> str:
        names = filenames.alternatives(self._offer.file.name)
        folder = self._around.journals.folder
        return self._part.take_name(folder, names, lambda name: self._journal.note(Line(naming=name)))

    def _success(self, name: str) -> ReceiptReported:
        receipt = ReceiptReported(
            transfer_id=self._offer.transfer_id,
            outcome="delivered",
            bytes=self._layout.size,
            hash=self._offer.file.hash,
            stored_as=name,
        )
        # Without it a process that takes this one's place finds the file by the name that was announced.
        with self._logged("a receipt could not be written down"):
            self._journal.note(Line(receipt=receipt))
            self._journal.sync()
        return receipt

    def _failure(self, detail: str) -> ReceiptReported:
        receipt = ReceiptReported(
            transfer_id=self._offer.transfer_id, outcome="failed", bytes=0, detail=detail[:MAX_TEXT]
        )
        with self._logged("a failure could not be written down"):
            self._part.discard()
            self._journal.note(Line(receipt=receipt))
        return receipt

    @contextmanager
    def _logged(self, trouble: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            logger.warning("transfer %s: %s: %s", self._offer.transfer_id, trouble, error)

    async def _report(self, receipt: ReceiptReported) -> None:
        recorded, told = await self._is_taken(receipt), self._journal.told
        if not told:
            self._around.events.put(self._end(receipt, recorded=recorded))
        if not told or (recorded and not self._journal.recorded):
            with self._logged("what has become of the receipt could not be written down"):
                self._journal.note(Line(told=True, recorded=recorded))
            self._journal.close()

    async def _is_taken(self, receipt: ReceiptReported) -> bool:
        """Repeat it for as long as it may be answered; after that the server asks again, perhaps another process."""
        try:
            await self._around.session.request(receipt, ReceiptRecorded, self._time_left())
        except (RequestRefused, BrokerUnavailable) as error:
            logger.warning(
                "the receipt of transfer %s was not taken, and is kept: %s", receipt.transfer_id, error
            )
            return False
        return True

    def _end(self, receipt: ReceiptReported, *, recorded: bool) -> ReceiverEvent:
        if receipt.outcome == "failed":
            detail = receipt.detail or "the file could not be stored"
            return Failed(transfer_id=receipt.transfer_id, offer=self._offer, detail=detail)
        return Delivered(
            transfer_id=receipt.transfer_id,
            offer=self._offer,
            path=self._around.journals.folder / (receipt.stored_as or self._offer.file.name),
            hash=self._offer.file.hash,
            recorded=recorded,
        )

    def _time_left(self) -> float:
        return self._around.session.seconds_until(self._offer.expires_at) + GRACE
