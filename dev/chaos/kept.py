"""Processes that are started again when they have ended: workers and receivers."""

import signal
import time

from dev.processes import Program

AGAIN_AFTER_S = 1.0


class Kept:
    """A process that is to run. `fell` lists the exit statuses with which it ended by itself."""

    def __init__(self, name: str, program: Program) -> None:
        self.name = name
        self.program = program
        self.fell: list[int] = []
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
            self.fell.append(self.program.returncode or 0)
            self._again_at = time.monotonic() + AGAIN_AFTER_S
        elif time.monotonic() > self._again_at:
            self.start()
