"""Waiting for a condition, with a deadline that a loaded machine does not reach."""

import asyncio
import time
from collections.abc import Awaitable, Callable

DEADLINE_S = 90.0
PAUSE_S = 0.05


def wait_until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_S) -> None:
    """Wait for a condition; fail with `what` at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(PAUSE_S)


async def until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_S) -> None:
    """Wait for a condition of the event loop's own; fail with `what` at the deadline."""

    async def met() -> bool:
        return condition()

    await until_async(met, what, seconds)


async def until_async(
    condition: Callable[[], Awaitable[bool]], what: str, seconds: float = DEADLINE_S
) -> None:
    """Wait for a condition that has to be awaited; fail with `what` at the deadline."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"not in time: {what}"
        await asyncio.sleep(PAUSE_S)
