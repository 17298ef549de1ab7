"""Waiting for a condition, with a deadline that a loaded machine does not reach."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

DEADLINE_S = 90.0


def _pauses() -> Iterator[float]:
    """Seconds between looks, ever more: what is looked at, such as the broker's management API, works for it, too."""
    pause = 0.02
    while True:
        yield pause
        pause = min(0.1, pause * 1.5)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_S) -> None:
    """Wait for a condition; fail with `what` at the deadline."""
    deadline, pauses = time.monotonic() + seconds, _pauses()
    while not condition():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(next(pauses))


async def until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_S) -> None:
    """Wait for a condition of the event loop's own; fail with `what` at the deadline."""

    async def met() -> bool:
        return condition()

    await until_async(met, what, seconds)


async def until_async(
    condition: Callable[[], Awaitable[bool]], what: str, seconds: float = DEADLINE_S
) -> None:
    """Wait for a condition that has to be awaited; fail with `what` at the deadline."""
    deadline, pauses = time.monotonic() + seconds, _pauses()
    while not await condition():
        assert time.monotonic() < deadline, f"not in time: {what}"
        await asyncio.sleep(next(pauses))
