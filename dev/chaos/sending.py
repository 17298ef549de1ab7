"""One `rollcast send`, gone on with when it was killed or has lost the broker."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from dev.chaos.kept import Kept
from dev.chaos.wishes import Wish
from dev.processes import Program, tied
from rollcast.cli.exits import Exit

ROLLCAST = (sys.executable, "-m", "rollcast.cli")
ENDS = (Exit.DONE, Exit.INCOMPLETE, Exit.REFUSED)
"""Exit statuses after which there is nothing more to do."""


class Sending(Kept):
    """The process that sends a file, and those that go on with it. All write to one log."""

    def __init__(self, wish: Wish, source: Path, environment: Mapping[str, str], log: Path) -> None:
        self.wish = wish
        self.source = source
        super().__init__(wish.name, Program(self._anew(), environment, log))

    @property
    def ended(self) -> bool:
        """Whether nobody has to do anything more for it."""
        return self.program.returncode in ENDS

    @property
    def transfer_id(self) -> str | None:
        """What the server has accepted it under, as far as the process has said."""
        found = re.search(r"transfer ([0-9a-f]{32})", self.program.log.read_text(errors="replace"))
        return found and found[1]

    def start(self) -> None:
        """Go on with the transfer that the server has, else begin it."""
        self.program.args = self._anew()
        super().start()

    def look(self) -> None:
        """Go on after an end that is none."""
        if not self.ended:
            super().look()

    def _anew(self) -> Sequence[str]:
        to = [word for address in self.wish.recipients for word in ("--to", address)]
        return tied([*ROLLCAST, "send", str(self.source), "--as", self.wish.sender, *to, *self.wish.options])
