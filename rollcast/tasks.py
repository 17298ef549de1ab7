"""Work in the background whose failure reaches whoever reads the events."""

import asyncio
import functools
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")

CANCEL_AGAIN = 0.2
"""Seconds after which a task that has not ended is cancelled again."""


class Stream(Generic[T]):
    """What was put in comes out in order; a failure is raised once all before it was taken out."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[T | _Failure] = asyncio.Queue()

    def put(self, item: T) -> None:
        """Add an item."""
        self._items.put_nowait(item)

    def fail(self, error: BaseException) -> None:
        """Let the reader fail with `error`."""
        self._items.put_nowait(_Failure(error))

    async def get(self) -> T:
        """The next item. Raises what `fail` was given."""
        item = await self._items.get()
        if isinstance(item, _Failure):
            raise item.error
        return item


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


class Tasks:
    """Tasks that end with their owner; the failure of one is put into `stream`."""

    def __init__(self, stream: Stream[Any]) -> None:
        self._stream = stream
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` in the background."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    async def close(self) -> None:
        """Cancel what still runs, and wait for it."""
        running = set(self._running)
        while running:
            for task in running:
                task.cancel()
            # aiormq swallows a cancellation that comes while it connects, and what waits for that tries again.
            _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._stream.fail(error)


class KeyedTasks:
    """Tasks of which at most one is current for each key.

    A task that has ended is no longer current, even before the event loop has called its callbacks.
    """

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._current: dict[str, asyncio.Task[None]] = {}

    def get(self, key: str) -> asyncio.Task[None] | None:
        """The task that runs for this key."""
        task = self._current.get(key)
        return None if task is None or task.done() else task

    def spawn(self, key: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` in the background as the key's current task; an earlier one goes on, and no longer counts."""
        task = self._current[key] = self._tasks.spawn(work)
        task.add_done_callback(functools.partial(self._forget, key))
        return task

    def _forget(self, key: str, task: asyncio.Task[None]) -> None:
        if self._current.get(key) is task:
            del self._current[key]
