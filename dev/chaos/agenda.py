"""What is to be done when."""

import heapq
import itertools
import time
from collections.abc import Callable

TICK_S = 0.05


class Agenda:
    """Actions by the second, counted from the first `run_until`. Late ones are done in their order."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._started = time.monotonic()

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def add(self, at: float, action: Callable[[], None]) -> None:
        """Do this at that second."""
        heapq.heappush(self._entries, (at, next(self._count), action))

    def run_until(self, end: float, meanwhile: Callable[[], None]) -> None:
        """Do all that is due before `end`, and `meanwhile` again and again."""
        while self.now < end:
            self._do_due(self.now)
            meanwhile()
            time.sleep(TICK_S)

    def do_all(self) -> None:
        """Do what is left, without waiting for its time."""
        self._do_due(float("inf"))

    def _do_due(self, now: float) -> None:
        while self._entries and self._entries[0][0] <= now:
            heapq.heappop(self._entries)[2]()
