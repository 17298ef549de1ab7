"""What was done to whom: a line for each fault in a log, and counts."""

from collections import Counter
from pathlib import Path


class Record:
    """Writes the log of faults. `done` and `missed` count them by kind."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self.done: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()

    def did(self, at: float, kind: str, victim: str) -> None:
        """A fault was made."""
        self.done[kind] += 1
        self.note(at, f"{kind} {victim}")

    def missed_one(self, at: float, kind: str, why: str) -> None:
        """A fault could not be made."""
        self.missed[kind] += 1
        self.note(at, f"{kind} was not possible: {why}")

    def note(self, at: float, what: str) -> None:
        """Anything that happened at that second."""
        with self._log.open("a") as log:
            log.write(f"{at:7.2f} {what}\n")
