"""A folder that `rollcast watch` looks after, and what it tells."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dev.processes import Program, tied
from tests.e2e.underway import digest
from tests.e2e.world import ROLLCAST, World
from tests.waiting import wait_until

SETTLE = "500ms"


class Watched:
    """The folder and its `watch` process, which may be killed and started again."""

    def __init__(
        self, world: World, folder: Path, sender: str, receivers: Sequence[str], *options: str
    ) -> None:
        self.folder = folder
        self._receivers = receivers
        self._world = world
        folder.mkdir(exist_ok=True)
        to = [word for address in receivers for word in ("--to", address)]
        words = ["watch", str(folder), "--as", sender, *to, "--settle", SETTLE, "--json", *options]
        log = folder.with_name(f"{folder.name}.{time.monotonic_ns()}.log")
        self.process = Program(tied([*ROLLCAST, *words]), world.environment, log)
        world.add(sender)

    def start(self) -> None:
        """Start it, and wait until it looks into the folder."""
        before = self.said().count("watching ")
        self.process.start()
        self.process.wait_until(lambda: self.said().count("watching ") > before)

    def put(self, name: str, content: bytes) -> Path:
        """A file that appears under its name when it is complete."""
        draft = self.folder / f".{name}"
        draft.write_bytes(content)
        return draft.rename(self.folder / name)

    def said(self) -> str:
        """All that was told so far, by all processes."""
        return self.process.log.read_text() if self.process.log.exists() else ""

    def wait_until_said(self, words: str, times: int) -> None:
        """Return when these words were told so often."""
        wait_until(lambda: self.said().count(words) >= times, f"{words!r} {times} times: {self.said()}")

    def documents(self) -> list[dict[str, Any]]:
        """The documents so far."""
        return [json.loads(line) for line in self.said().splitlines() if line.startswith("{")]

    def ends(self) -> list[tuple[str, str]]:
        """Name and state of each file that has ended, in the order of their names."""
        reports = [one for one in self.documents() if "state" in one]
        return sorted((report["file"]["name"], report["state"]) for report in reports)

    def wait_for(self, *ends: tuple[str, str]) -> None:
        """Return when these files, and no others, have ended so."""
        wait_until(lambda: len(self.ends()) >= len(ends), f"{ends}: {self.said()}")
        assert self.ends() == sorted(ends), self.said()

    def check_received(self, *sources: Path) -> None:
        """Each receiver has each of these contents exactly once, and nothing else."""
        wanted = Counter(map(digest, sources))
        for address in self._receivers:
            inbox = self._world.inbox(address)
            received = [path for path in inbox.iterdir() if path.is_file()]
            assert Counter(map(digest, received)) == wanted, (address, sorted(received))
            for path in received:
                path.unlink()
