"""The sender's part of S290: the chunks that the server invites, a few at a time."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from rollcast import topology
from rollcast.broker import Link, Publisher
from rollcast.chunks import CONTENT_TYPE, IndexSet, Label, Layout, Range
from rollcast.errors import FileUnusable
from rollcast.tasks import Tasks

MAX_IN_FLIGHT = 8
MAX_BYTES_IN_FLIGHT = 16 * 1024 * 1024


class Content(Protocol):
    """What is uploaded: `size` bytes in chunks."""

    size: int

    def chunk(self, index: int, layout: Layout) -> tuple[bytes, str]:
        """A chunk and its digest; blocks. Raises `FileUnusable` if the content is not what it was."""


class Upload:
    """Publishes the chunks of one file. `failed` is resolved if the file cannot be read as it was any more."""

    def __init__(self, link: Link, transfer_id: str, source: Content, layout: Layout, tasks: Tasks) -> None:
        self._transfer_id = transfer_id
        self._key = topology.transfer_key(link.user, transfer_id)
        self._source = source
        self._layout = layout
        self._tasks = tasks
        self._window = max(1, min(MAX_IN_FLIGHT, MAX_BYTES_IN_FLIGHT // layout.chunk_size))
        self._publisher = Publisher(link, patience=float("inf"), window=self._window)
        self._queue: asyncio.Queue[int] = asyncio.Queue()
        self._pending: set[int] = set()
        self._published = IndexSet(layout.count)
        self.started = False
        self.failed: asyncio.Future[FileUnusable] = asyncio.get_running_loop().create_future()

    @property
    def bytes(self) -> int:
        """How much of the file the broker has taken."""
        return min(self._layout.size, len(self._published) * self._layout.chunk_size)

    def invite(self, ranges: Iterable[Range]) -> None:
        """Queue these chunks, except those that are queued or under way already."""
        for first, stop in ranges:
            for index in range(first, min(stop, self._layout.count)):
                self._enqueue(index)
        if not self.started:
            self.started = True
            for _ in range(self._window):
                self._tasks.spawn(self._publish_all())

    async def close(self) -> None:
        """Publish nothing more: the broker bounds the channels that a terminal may have open."""
        await self._publisher.close()

    def _enqueue(self, index: int) -> None:
        if index not in self._pending:
            self._pending.add(index)
            self._queue.put_nowait(index)

    async def _publish_all(self) -> None:
        while not self.failed.done():
            index = await self._queue.get()
            try:
                await self._publish(index)
                self._published.add(index)
            except FileUnusable as error:
                if not self.failed.done():
                    self.failed.set_result(error)
            finally:
                self._pending.discard(index)

    async def _publish(self, index: int) -> None:
        body, digest = await asyncio.to_thread(self._source.chunk, index, self._layout)
        label = Label(self._transfer_id, index, digest)
        await self._publisher.publish(
            topology.BULK,
            self._key,
            body,
            headers=label.headers(),
            content_type=CONTENT_TYPE,
            persistent=False,
        )
