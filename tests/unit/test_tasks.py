"""Work in the background, and how it ends."""

import asyncio
from contextlib import suppress

from rollcast.tasks import Stream, Tasks


async def test_a_task_whose_cancellation_was_swallowed_is_cancelled_again() -> None:
    """Closing does not wait for what somebody else catches and throws away."""
    swallowed = asyncio.Event()

    async def work() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        swallowed.set()
        await asyncio.Event().wait()

    tasks = Tasks(Stream())
    running = tasks.spawn(work())
    await asyncio.sleep(0)
    await tasks.close()
    assert swallowed.is_set()
    assert running.cancelled()
