"""Asks whoever sits at the terminal whether to take a file, one question at a time."""

import asyncio
import os
import termios
import time

from rollcast.cli.narrator import offered
from rollcast.cli.output import say
from rollcast.cli.texts import time_text
from rollcast.messages.values import Offer
from rollcast.receiving.consent import Decision

LINE = 4096
"""Bytes; a terminal hands out no longer line."""
_YES, _NO, _LATER = Decision(True), Decision(False), Decision(False, deferred=True)
_ANSWERS = {"y": _YES, "yes": _YES, "n": _NO, "no": _NO, "l": _LATER, "later": _LATER}


class Prompt:
    """Asks on standard error and reads answers from the terminal `descriptor`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._turn = asyncio.Lock()

    async def ask(self, offer: Offer) -> Decision:
        """The answer. Cancelled when there is no more time for one."""
        async with self._turn:
            # What was typed before the question is no answer to it.
            termios.tcflush(self._descriptor, termios.TCIFLUSH)
            try:
                return await self._answer(offer)
            except asyncio.CancelledError:
                say(f"no answer was given for {offered(offer)}")
                raise

    async def _answer(self, offer: Offer) -> Decision:
        while True:
            say(f"take {offered(offer)}? Type y, n or l for later, {_until(offer)}:")
            line = await self._line()
            if not line:
                return _LATER
            answer = _ANSWERS.get(line.decode(errors="replace").strip().lower())
            if answer is not None:
                return answer
            say("that is no answer: y takes the file, n declines it, l puts the decision off")

    async def _line(self) -> bytes:
        """The next line; empty if the user typed Ctrl-D, or the terminal was closed."""
        loop = asyncio.get_running_loop()
        typed = asyncio.Event()
        loop.add_reader(self._descriptor, typed.set)
        try:
            await typed.wait()
            return os.read(self._descriptor, LINE)
        finally:
            loop.remove_reader(self._descriptor)


def _until(offer: Offer) -> str:
    """Until when an answer counts: that the sender waits for, or a late one."""
    if time.time() * 1_000_000 < offer.consent_deadline:
        return f"by {time_text(offer.consent_deadline)}"
    return f"until the transfer expires at {time_text(offer.expires_at)}"
