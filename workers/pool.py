"""A pool as a process runs it: its tasks, its consumer, and how it stands."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

import structlog

from rollcast.broker import Consumer, Delivery
from rollcast.errors import RollcastError
from workers import metrics

OK = "ok"
Work = Coroutine[Any, Any, None]
Take = Callable[[Delivery], Awaitable[None]]

log = structlog.get_logger()


class Pool:
    """One pool; `died` is called when it ends by a fault, for which nothing but a new process helps."""

    def __init__(self, name: str, died: Callable[[], None]) -> None:
        self.name = name
        self._consumer: Consumer | None = None
        self._queue = ""
        self._died = died
        self._tasks: list[asyncio.Task[None]] = []

    def consumes(self, queue: str, consumer: Consumer) -> None:
        """It is fed from this queue."""
        self._queue, self._consumer = queue, consumer

    def start(self, group: asyncio.TaskGroup, works: Iterable[Work]) -> None:
        """Do the work of the pool, in `group`, until it is cancelled."""
        self._tasks = [group.create_task(self._run(work)) for work in works]

    def cancel(self) -> None:
        """Stop working."""
        for task in self._tasks:
            task.cancel()

    def death(self) -> str | None:
        """How it has ended, in words; None while it lives, or has not started."""
        for task in self._tasks:
            if task.done():
                error = None if task.cancelled() else task.exception()
                return f"has ended: {error}" if error else "has ended"
        return None

    def fault(self) -> str | None:
        """What keeps it from working, in words."""
        if not self._tasks:
            return "has not started"
        if (death := self.death()) is not None:
            return death
        if self._consumer is not None and not self._consumer.ready.is_set():
            return f"does not consume {self._queue}"
        return None

    async def _run(self, work: Work) -> None:
        with structlog.contextvars.bound_contextvars(pool=self.name):
            try:
                await work
            except Exception as error:
                _tell(error)
                self._died()
                raise


def _tell(error: Exception) -> None:
    fault = None if isinstance(error, RollcastError) else error
    log.error("a pool has died, and the process ends", error=str(error), exc_info=fault)


def counting(pool: str, take: Take) -> Take:
    """Hand deliveries on, and count those that come again."""

    async def counted(delivery: Delivery) -> None:
        if delivery.redelivered:
            metrics.REDELIVERED.labels(step=pool).inc()
        await take(delivery)

    return counted
