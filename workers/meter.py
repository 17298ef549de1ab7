"""How often something may be done, by whom: the virtual scheduling algorithm (ITU-T I.371, annex A).

One number for each key: the instant at which all that was done will have been paid for.
"""

import time
from collections.abc import Callable, Hashable

FORGET_EVERY = 10_000
"""Calls after which those are forgotten who owe nothing."""
Clock = Callable[[], float]


class Meter:
    """Lets each key do `burst` things at once, and `rate` a second after that. It counts for one process."""

    def __init__(self, rate: float, burst: int, clock: Clock = time.monotonic) -> None:
        self.rate, self.burst, self._now = rate, burst, clock
        self._paid_until: dict[Hashable, float] = {}
        self._calls = 0

    def take(self, key: Hashable) -> bool:
        """Whether it may be done once more; if so, it is counted."""
        now, each = self._now(), 1 / self.rate
        self._forget(now)
        paid_until = max(self._paid_until.get(key, now), now) + each
        # A burst is a whole number of things, whatever becomes of the last digit.
        if paid_until - now > (self.burst + 0.001) * each:
            return False
        self._paid_until[key] = paid_until
        return True

    def _forget(self, now: float) -> None:
        self._calls += 1
        if self._calls % FORGET_EVERY == 0:
            self._paid_until = {key: until for key, until in self._paid_until.items() if until > now}
