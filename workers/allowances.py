"""How much an account may say, by verb: what is over that costs nobody else anything.

Each process counts what comes to it, so with several workers in a pool an account may say as many times that.
"""

import time

from rollcast.errors import Permanent
from rollcast.messages import Message, Register
from rollcast.reasons import Code
from workers.meter import Clock, Meter

TELL_EVERY = 1.0
"""Seconds between two answers that say so."""
CUT_OFF_AT = 10
"""Bursts over the allowance, from which on connections are closed."""
SESSIONS_RATE, SESSIONS_BURST = 20, 500
"""Sessions that an account may begin, a second and at once. Each is a queue, for a minute at least."""

Key = tuple[str, str]


class TooMany(Permanent):
    """An account says too much: `tell` it so, or let it be; `far` over the allowance."""

    code = Code.TOO_MANY

    def __init__(self, address: str, what: str, rate: float, *, tell: bool, far: bool) -> None:
        super().__init__(
            f"{address} says `{what}` more often than {rate:g} times a second",
            hint=f"Come again in {TELL_EVERY:g} s, and more slowly.",
        )
        self.address = address
        self.tell = tell
        self.far = far


class Allowances:
    """What each account has said lately, in one process. `rate` is in messages a second, `burst` in messages."""

    def __init__(self, rate: int, burst: int, clock: Clock = time.monotonic) -> None:
        self._verbs = Meter(rate, burst, clock)
        self._sessions = Meter(SESSIONS_RATE, SESSIONS_BURST, clock)
        self._telling = Meter(1 / TELL_EVERY, 1, clock)
        self._turned_away: dict[Key, int] = {}

    def check(self, address: str, verb: str) -> None:
        """Count a message. Raises `TooMany` if it is over the allowance, and is not to be looked at."""
        self._check(self._verbs, address, verb)

    def check_session(self, address: str, message: Message) -> None:
        """Count a session, if the message begins one. Raises `TooMany`."""
        if isinstance(message, Register) and message.session is not None:
            self._check(self._sessions, address, "register with a session")

    def _check(self, meter: Meter, address: str, what: str) -> None:
        key = (address, what)
        if meter.take(key):
            self._turned_away.pop(key, None)
            return
        times = self._turned_away[key] = self._turned_away.get(key, 0) + 1
        far = times % (CUT_OFF_AT * meter.burst) == 0
        raise TooMany(address, what, meter.rate, tell=self._telling.take(key), far=far)
