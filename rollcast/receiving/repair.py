"""The receiver's part of S300: asking for what did not come."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

from rollcast.backoff import Silence, backoff
from rollcast.chunks import IndexSet, Range

MAX_BYTES = 64 * 1024 * 1024
MAX_RANGES = 1024
"""What one request may ask for."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds of silence after which it is repeated, at first and at the most."""
QUIET = 2.0
"""Seconds without a chunk after which a prompt is taken to mean that nothing more comes by itself."""


class Repair:
    """Asks for what is missing from `had`, one request at a time, once there is reason to.

    `silence` is ended by each delivery.
    """

    def __init__(
        self,
        had: IndexSet,
        chunk_size: int,
        silence: Silence,
        ask: Callable[[list[Range]], Awaitable[None]],
    ) -> None:
        self._had = had
        self._most = MAX_BYTES // chunk_size
        self._silence = silence
        self._ask = ask
        self._cue = asyncio.Event()
        self._cast_ended = False

    def end_cast(self) -> None:
        """All that was sent has come: at the end of the cast, and of each answer to a request."""
        self._cast_ended = True
        self._cue.set()
        self._silence.end()

    def prompt(self) -> None:
        """The server wants to know what is missing."""
        self._cue.set()

    async def run(self) -> None:
        """Ask until nothing is missing."""
        await self._reason()
        while not self._had.full:
            await self._ask_until_some_come()

    async def _reason(self) -> None:
        while not self._cast_ended:
            await self._cue.wait()
            self._cue.clear()
            if not self._cast_ended and not await self._silence.ends(QUIET):
                return

    async def _ask_until_some_come(self) -> None:
        before = len(self._had)
        for wait in backoff(FIRST_WAIT, LONGEST_WAIT):
            self._cast_ended = False
            await self._ask(list(itertools.islice(self._had.gaps(self._most), MAX_RANGES)))
            while not self._cast_ended and await self._silence.ends(wait):
                pass
            if len(self._had) > before:
                return
            if self._cast_ended:
                await asyncio.sleep(wait)
