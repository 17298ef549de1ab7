"""One `rollcast send`, gone on with when it was killed or has lost the broker."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from dev.chaos.kept import Kept
from dev.chaos.wishes import Wish
from dev.processes import Program, tied
from rollcast.cli.exits import Exit

ROLLCAST = (sys.executable, "-m", "rollcast.cli")
ENDS = (Exit.DONE, Exit.INCOMPLETE, Exit.REFUSED)
ENDS_OF_RESUMED = (*ENDS, Exit.USAGE)
"""Exit statuses after which there is nothing more to do. Of a transfer that has ended nothing is kept to resume."""


class Sending(Kept):
    """The process that sends a file, and those that go on with it. All write to one log."""

    def __init__(self, wish: Wish, source: Path, environment: Mapping[str, str], log: Path) -> None:
        self.wish = wish
        self.source = source
        self._resumed = False
        super().__init__(wish.name, Program(tied([*ROLLCAST, *_words(wish, source)]), environment, log))

    @property
    def ended(self) -> bool:
        """Whether nobody has to do anything more for it."""
        return self.program.returncode in (ENDS_OF_RESUMED if self._resumed else ENDS)

    @property
    def transfer_id(self) -> str | None:
        """What the server has accepted it under, as far as the process has said."""
        found = re.search(r"transfer ([0-9a-f]{32})", self.program.log.read_text(errors="replace"))
        return found and found[1]

    def start(self) -> None:
        """Go on with the transfer if the server has it, else begin it."""
        if known := self.transfer_id:
            self._resumed = True
            self.program.args = tied([*ROLLCAST, "send", "--resume", known])
        super().start()

    def look(self) -> None:
        """Go on after an end that is none."""
        if not self.ended:
            super().look()

    def cancelling(self, log: Path) -> Program | None:
        """The process that takes the transfer back; None if the server has none."""
        if (known := self.transfer_id) is None:
            return None
        words = ("cancel", known, "--as", self.wish.sender)
        return Program(tied([*ROLLCAST, *words]), self.program.env, log)


def _words(wish: Wish, source: Path) -> list[str]:
    to = [word for address in wish.recipients for word in ("--to", address)]
    return ["send", str(source), "--as", wish.sender, *to, *wish.options]
