"""How a worker is told to end: the first signal drains it, a second one ends it on the spot."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any

import structlog

DRAIN_S = 20.0
"""Seconds in which all that is in hand is to be done."""
LEAVE_S = 5.0
"""Seconds after that in which connections are to be closed."""

log = structlog.get_logger()


class Stop:
    """Asked for by SIGTERM or SIGINT. Who does not come to an end in time, or is asked twice, leaves at once, with
    status 1: the broker keeps what was not acknowledged, the ledger what was committed."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()

    def listen(self) -> None:
        """From now on signals count."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._ask)

    def limit(self) -> None:
        """From now on there is an end, whatever the process waits for on its way out."""
        asyncio.get_running_loop().call_later(
            DRAIN_S + LEAVE_S, _leave, logging.WARNING, "did not come to an end in time"
        )

    async def wait(self) -> None:
        """Return when it was asked for."""
        await self._asked.wait()

    async def cuts_short(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do `work`, unless stopping is asked for before it is done; whether that was so."""
        working, asked = asyncio.create_task(work), asyncio.create_task(self.wait())
        try:
            await asyncio.wait((working, asked), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
            return not working.done()
        finally:
            for task in (working, asked):
                task.cancel()
            await asyncio.wait((working, asked))

    def _ask(self) -> None:
        if self._asked.is_set():
            _leave(logging.INFO, "told to stop twice")
        log.info("stopping; a second signal ends it at once")
        self._asked.set()
        self.limit()


def _leave(level: int, why: str) -> None:
    # Nothing is unwound: whatever this process waits for, it would wait for it again on its way out.
    log.log(level, f"leaves at once: {why}; what was not done goes back to its queues")
    sys.stderr.flush()
    os._exit(1)
