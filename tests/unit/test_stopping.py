"""How a worker is told to end."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from workers.process.stopping import Stop

IMPATIENT = """
import asyncio, os, signal
from workers.process import stopping

async def stuck():
    stop = stopping.Stop()
    stop.listen()
    os.kill(os.getpid(), signal.SIGTERM)
    await stop.wait()
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(60)

stopping.DRAIN_S, stopping.LEAVE_S = 0.2, 0.1
asyncio.run(stuck())
"""


async def _never() -> None:
    await asyncio.Event().wait()


async def test_what_is_done_is_not_cut_short() -> None:
    """Nobody has asked to stop."""
    assert not await Stop().cuts_short(asyncio.sleep(0))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_cuts_work_short(number: signal.Signals) -> None:
    """What would never be done is cancelled, and stopping stays asked for."""
    stop = Stop()
    stop.listen()
    work = _never()
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
    async with asyncio.timeout(10):
        assert await stop.cuts_short(work)
        assert await stop.cuts_short(_never())
        await stop.wait()
    with pytest.raises(RuntimeError):
        work.send(None)


async def test_what_fails_is_told() -> None:
    """It is not taken for a stop."""

    async def fails() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await Stop().cuts_short(fails())


def test_who_is_stuck_leaves_in_the_end() -> None:
    """With status 1 and a line that says so, whatever it waits for."""
    done = subprocess.run(
        [sys.executable, "-c", IMPATIENT], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert "did not come to an end in time" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
