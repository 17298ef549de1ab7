"""Processes that are started again when they have ended: workers and receivers."""

import signal
import time
from typing import NamedTuple

from dev.processes import Program

AGAIN_AFTER_S = 1.0
DOUBLINGS = 4
"""Seconds until it is started again, doubled for each time before, so often at the most."""


class Fall(NamedTuple):
    """An end that nobody asked for: the exit status, and the last line of the log."""

    status: int
    said: str


class Kept:
    """A process that is to run. `fell` tells how it ended by itself."""

    def __init__(self, name: str, program: Program) -> None:
        self.name = name
        self.program = program
        self.fell: list[Fall] = []
        self._killed = False
        self._again_at: float | None = None

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        return self.program.returncode is None

    def begin(self) -> None:
        """Start it for the first time."""
        self.program.start()

    def kill(self) -> None:
        """End it as a crash would; `start` it again later."""
        self._killed = True
        self.program.kill()

    def start(self) -> None:
        """Start it again if it does not run."""
        self._killed = False
        self._again_at = None
        if not self.runs:
            self.program.start()

    def stand_still(self) -> None:
        """Stop it with its connections open, until `go_on`."""
        self.program.tell(signal.SIGSTOP)

    def go_on(self) -> None:
        """Undo `stand_still`."""
        self.program.tell(signal.SIGCONT)

    def look(self) -> None:
        """Start it again some time after it has ended by itself."""
        if self.runs or self._killed:
            return
        if self._again_at is None:
            self.fell.append(Fall(self.program.returncode or 0, self.program.tail(1)))
            self._again_at = time.monotonic() + AGAIN_AFTER_S * 2 ** min(len(self.fell) - 1, DOUBLINGS)
        elif time.monotonic() > self._again_at:
            self.start()
