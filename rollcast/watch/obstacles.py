"""What keeps files from being sent at present: told once when it is met, and when nothing is left of it."""

import time
from collections.abc import Callable
from enum import Enum, auto

from rollcast.errors import BrokerUnavailable, RollcastError
from rollcast.events import ListResolved, Paused, SenderEvent, Uploaded, UploadStarted
from rollcast.tasks import Stream
from rollcast.watch.events import GoesOn, Waits, WatchEvent

REST = 60.0
"""Seconds to wait after the server has refused a file that it may take later."""
BLOCKED = "the broker takes nothing at present: it is low on memory or disk"


class Kind(Enum):
    """What stands in the way: the folder cannot be read, nobody answers, the server takes no more for now."""

    FOLDER = auto()
    BROKER = auto()
    REFUSAL = auto()


class Obstacles:
    """Those that were met and have not gone."""

    def __init__(self, told: Stream[WatchEvent], clock: Callable[[], float] = time.monotonic) -> None:
        self._told = told
        self._clock = clock
        self._met: dict[Kind, RollcastError] = {}
        self._rest_until = 0.0

    @property
    def refused(self) -> bool:
        """Whether the server did not take the last file, but may take the next one."""
        return Kind.REFUSAL in self._met

    @property
    def resting(self) -> bool:
        """Whether it is too early to try again."""
        return self.refused and self._clock() < self._rest_until

    def meet(self, kind: Kind, error: RollcastError) -> None:
        """Something is in the way."""
        before = self._met.get(kind)
        self._met[kind] = error
        if kind is Kind.REFUSAL:
            self._rest_until = self._clock() + REST
        if before is None or before.code != error.code:
            self._told.put(Waits(error=error))

    def clear(self, kind: Kind) -> None:
        """It is not, or not any more."""
        if self._met.pop(kind, None) is not None and not self._met:
            self._told.put(GoesOn())

    def hear(self, event: SenderEvent) -> None:
        """Draw conclusions from what happens to a file."""
        if isinstance(event, Paused):
            self.meet(Kind.BROKER, BrokerUnavailable(BLOCKED, code="broker_blocked"))
        else:
            self.clear(Kind.BROKER)
        if isinstance(event, UploadStarted | ListResolved | Uploaded):
            self.clear(Kind.REFUSAL)
