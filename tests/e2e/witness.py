"""Workers that write down which deliveries they have done: `python -m tests.e2e.witness FILE [POOL …]`.

Every message has an id of its own, which a redelivery keeps.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from rollcast.broker import Delivery
from workers import pools
from workers.__main__ import main
from workers.runner import Job, Runner
from workers.spool.spooler import Spooler, Stored


class Deed(NamedTuple):
    """A delivery that was done: by which process, in which pool, and the id of the message."""

    pid: int
    pool: str
    message_id: str


class Record:
    """A file that workers add to, and a test reads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.touch()

    def add(self, pool: str, deliveries: Iterable[Delivery]) -> None:
        """Note what was done."""
        with self._file.open("a") as file:
            file.write("".join(f"{os.getpid()} {pool} {one.message_id}\n" for one in deliveries))

    def deeds(self) -> list[Deed]:
        """All that was noted, in its order."""
        lines = (line.split() for line in self._file.read_text().splitlines())
        return [Deed(int(pid), pool, message_id) for pid, pool, message_id in lines]


class WitnessedRunner(Runner):
    """The runner of a step."""

    def __init__(self, record: Record, *given: Any) -> None:
        super().__init__(*given)
        self._record = record

    async def _settle(self, jobs: Sequence[Job], outcome: str) -> None:
        if outcome == "done":
            self._record.add(self.name, (job.delivery for job in jobs))
        await super()._settle(jobs, outcome)


class WitnessedSpooler(Spooler):
    """A spooler."""

    def __init__(self, record: Record, *given: Any) -> None:
        super().__init__(*given)
        self._record = record

    async def _write_down(self, stored: Sequence[Stored]) -> list[str]:
        ended = await super()._write_down(stored)
        self._record.add("spool", (one.delivery for one in stored))
        return ended


if __name__ == "__main__":
    watched = Record(Path(sys.argv[1]))
    with patch.multiple(
        pools, Runner=partial(WitnessedRunner, watched), Spooler=partial(WitnessedSpooler, watched)
    ):
        sys.exit(main(sys.argv[2:]))
