"""Deliveries in line, taken out in batches of what is there: no waiting for a batch to fill."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from rollcast.backoff import backoff
from rollcast.broker import Delivery, is_stale

FULL = 4
"""Batches in line from which on it is looked through for deliveries that are of no use any more."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds before what could not be done at all is given back, and comes again at once."""


class Line:
    """What consumers put deliveries into, and handlers serve."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: asyncio.Queue[Delivery] = asyncio.Queue()
        self._apart: asyncio.Queue[Delivery] = asyncio.Queue()
        self._pauses = backoff(FIRST_PAUSE, LONGEST_PAUSE)
        self.draining = asyncio.Event()

    async def take(self, delivery: Delivery) -> None:
        """Put a delivery in line; it is acknowledged when all that follows from it is confirmed."""
        if self.stands_apart(delivery):
            self._apart.put_nowait(delivery)
            return
        if self._waiting.qsize() >= FULL * self._most:
            self._drop_stale()
        self._waiting.put_nowait(delivery)

    def stands_apart(self, delivery: Delivery) -> bool:
        """Whether a delivery is to be handled by itself, in no batch."""
        return False

    async def drained(self) -> None:
        """Wait until nothing is in line or being handled; what cannot be done is given back without a pause."""
        self.draining.set()
        await self._waiting.join()
        await self._apart.join()

    def note_success(self) -> None:
        """Something could be done: the next pause is a short one."""
        self._pauses = backoff(FIRST_PAUSE, LONGEST_PAUSE)

    async def pause(self, at_least: float = 0.0) -> None:
        """Nothing can be done at present: wait, a little longer each time."""
        await self.wait(max(next(self._pauses), at_least))

    async def wait(self, seconds: float) -> None:
        """Wait so long, unless the line is to be drained."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.draining.wait()

    def _drop_stale(self) -> None:
        """While handlers wait for the broker, each connection that is lost would leave its deliveries here."""
        waiting = [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]
        for delivery in waiting:
            if not is_stale(delivery):
                self._waiting.put_nowait(delivery)
            self._waiting.task_done()

    async def serve(self, handle: Callable[[Sequence[Delivery]], Awaitable[None]]) -> None:
        """Hand out batches until cancelled."""
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < self._most and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            try:
                await handle(batch)
            finally:
                for _ in batch:
                    self._waiting.task_done()

    async def serve_apart(
        self, handle: Callable[[Delivery], Awaitable[None]], tasks: asyncio.TaskGroup
    ) -> None:
        """Have each delivery that stands apart handled by a task of its own, until cancelled."""
        while True:
            tasks.create_task(self._served_apart(handle, await self._apart.get()))

    async def _served_apart(self, handle: Callable[[Delivery], Awaitable[None]], delivery: Delivery) -> None:
        try:
            await handle(delivery)
        finally:
            self._apart.task_done()
