"""Runs a command's coroutine, and decides what signals do to it."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from typing import Any

from rollcast.cli.exits import Exit, Interrupted


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run a command to its exit status. The first Ctrl-C lets it clean up, the second ends it at once.

    Raises `Interrupted`.
    """
    return asyncio.run(_interruptible(work))


def cancel_when_told_to_end() -> asyncio.Event:
    """Let SIGTERM cancel the current task. The event tells whether that is what happened."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    task = asyncio.current_task()
    assert task is not None

    def end() -> None:
        told.set()
        task.cancel()

    loop.add_signal_handler(signal.SIGTERM, end)
    return told


async def _interruptible(work: Coroutine[Any, Any, int]) -> int:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def interrupt() -> None:
        loop.add_signal_handler(signal.SIGINT, os._exit, Exit.INTERRUPTED)
        task.cancel()

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        return await work
    except asyncio.CancelledError:
        raise Interrupted("interrupted") from None
