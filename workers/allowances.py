"""How much an account may say, by verb: what is over that costs nobody else anything.

Each process counts what comes to it, so with several workers in a pool an account may say as many times that. It is
counted as by the virtual scheduling algorithm (ITU-T I.371, annex A): one instant for each account and verb, at which
all that it has said will have been paid for.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from rollcast.errors import Permanent
from rollcast.reasons import Code

TELL_EVERY = 1.0
"""Seconds between two answers that say so."""
CUT_OFF_AT = 10
"""Bursts over the allowance, from which on connections are closed."""
FORGET_EVERY = 10_000
"""Messages after which those are forgotten who owe nothing."""

Key = tuple[str, str]


class TooMany(Permanent):
    """An account says too much: `tell` it so, or let it be; `far` over the allowance."""

    code = Code.TOO_MANY

    def __init__(self, address: str, message: str, *, hint: str, tell: bool, far: bool) -> None:
        super().__init__(f"{address} {message}", hint=hint)
        self.address = address
        self.tell = tell
        self.far = far


@dataclass
class _Account:
    paid_until: float
    told_at: float = float("-inf")
    turned_away: int = 0


class Allowances:
    """What each account has said lately, in one process. `rate` is in messages a second, `burst` in messages."""

    def __init__(self, rate: int, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._each, self._burst, self._now = 1 / rate, burst, clock
        self._accounts: dict[Key, _Account] = {}
        self._counted = 0

    def count(self, address: str, verb: str) -> None:
        """Count a message. Raises `TooMany` if it is over the allowance, and is not to be looked at."""
        now = self._now()
        self._forget(now)
        account = self._accounts.setdefault((address, verb), _Account(now))
        owed = max(account.paid_until - now, 0.0)
        if owed + self._each > self._burst * self._each:
            raise self._too_many(account, address, verb, now)
        account.paid_until = now + owed + self._each
        account.turned_away = 0

    def _too_many(self, account: _Account, address: str, verb: str, now: float) -> TooMany:
        account.turned_away += 1
        tell = now - account.told_at >= TELL_EVERY
        if tell:
            account.told_at = now
        return TooMany(
            address,
            f"says `{verb}` more often than {1 / self._each:g} times a second",
            hint=f"Come again in {TELL_EVERY:g} s, and more slowly.",
            tell=tell,
            far=account.turned_away % (CUT_OFF_AT * self._burst) == 0,
        )

    def _forget(self, now: float) -> None:
        self._counted += 1
        if self._counted % FORGET_EVERY == 0:
            self._accounts = {key: one for key, one in self._accounts.items() if one.paid_until > now}
