"""How fast something grows that is seen now and then."""

from collections import deque

from rollcast.cli.waiting import SECOND
from rollcast.messages.values import ReceiverStatus
from rollcast.states import Receiver

OVER = 10 * SECOND
"""The time (µs) for which a rate is the mean."""


class Pace:
    """So many bytes at such an instant (µs UTC), as far back as the rate needs them."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int]] = deque()
        self._moved_at: int | None = None

    @property
    def known(self) -> bool:
        """Whether anything was seen."""
        return bool(self._seen)

    def note(self, stored: int, now: int) -> None:
        """So many are there now."""
        if not self._seen or self._seen[-1][1] != stored:
            self._moved_at = now
        self._seen.append((now, stored))
        while len(self._seen) > 2 and self._seen[1][0] <= now - OVER:
            self._seen.popleft()

    def status(self, address: str, size: int) -> ReceiverStatus:
        """The same as of a receiver; one that has all of `size` bytes does not move any more."""
        stored = self._seen[-1][1] if self._seen else 0
        going_on = stored < size
        return ReceiverStatus(
            address=address,
            state=Receiver.RECEIVING,
            bytes=stored,
            rate=self._rate() if going_on else None,
            moved_at=self._moved_at if going_on else None,
        )

    def _rate(self) -> int | None:
        if not self._seen:
            return None
        (began, first), (ended, last) = self._seen[0], self._seen[-1]
        return None if ended - began < SECOND else max(0, last - first) * SECOND // (ended - began)
