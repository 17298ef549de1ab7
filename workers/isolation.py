"""Messages that are delivered again and again: handled one at a time, and set aside in the end.

A worker that dies over a message gives back all that it has in hand, and the broker counts that for each of them. So
from the third time on a message is handled alone: when nothing else has come or been done for a moment, one at a time
in the whole process, those that came less often first, and of several the same in no order. So whoever has the
misfortune to be in hand with such a message is handled before it, soon or a few starts later; and a worker that is
started again and again does what it can before the next time that it dies.
"""

import asyncio
import heapq
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from rollcast.broker import Delivery
from rollcast.errors import Permanent

ALONE_FROM, SET_ASIDE_AT = 3, 100
"""Earlier deliveries from which on a message is handled alone, and from which on not at all."""
CALM_S, LONGEST_WAIT_S = 0.5, 10.0
"""Seconds in which nothing else may have come or been done before a message is handled alone, and how long that is
waited for."""
COUNTS = ("x-acquired-count", "x-delivery-count")
"""Where the broker writes how often a message was delivered before: from 4.3 the first, which counts all, up to 4.2
the second, which from 4.3 counts failures only."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0


class DeliveryLimit(Permanent):
    """A message that was delivered too often and never done."""

    code = "delivery_limit"


def earlier_deliveries(delivery: Delivery) -> int:
    """How often a message was delivered before.

    Only the header that the broker of this version writes can be relied on; the other one may be a client's. The
    greater number counts: so a client can have its own message set aside early, and no message passes for fresh.
    """
    if not delivery.redelivered:
        return 0
    found = [delivery.headers.get(name) for name in COUNTS]
    return max((number for number in found if type(number) is int and number > 0), default=1)


def pause_before_return(deliveries: int) -> float:
    """Seconds before a message that cannot be done at present is given back.

    Twice as long each time, so that it takes an outage of an hour and a half to have a healthy message set aside.
    """
    return float(min(FIRST_PAUSE * 2 ** min(deliveries, 10), LONGEST_PAUSE))


class Isolation:
    """Lets one message at a time be handled, of all that are to be handled alone in a process."""

    def __init__(self) -> None:
        self._last = 0.0
        self._waiting: list[tuple[int, float, asyncio.Future[None]]] = []
        self._taken = False

    def note(self) -> None:
        """Something has come, or was done."""
        self._last = time.monotonic()

    @asynccontextmanager
    async def turn(self, deliveries: int, hurry: asyncio.Event) -> AsyncIterator[None]:
        """Wait for a calm moment, not at all in a `hurry`, and for those that were delivered less often."""
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (deliveries, random.random(), turn))
        try:
            await self._calm(hurry)
            self._next()
            await turn
            yield
        finally:
            if not turn.done():
                turn.cancel()
            elif not turn.cancelled():
                self._taken = False
            self._next()

    async def _calm(self, hurry: asyncio.Event) -> None:
        deadline = time.monotonic() + LONGEST_WAIT_S
        while (left := min(self._last + CALM_S, deadline) - time.monotonic()) > 0 and not hurry.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await hurry.wait()

    def _next(self) -> None:
        while self._waiting and not self._taken:
            *_, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._taken = True
                turn.set_result(None)
