"""Where a worker is to die next, and where it has died: files that it shares with the test that wants it so."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

COMMIT, ACK = "commit", "ack"
"""After the ledger's commit, before anything is done at the broker; all confirmed, but not acknowledged."""
STORED = "stored"
"""A chunk is in the store, and not in the ledger."""


class Crash(NamedTuple):
    """One death: in which pool, over what kind of message, at which point, of how many effects.

    `subject` is the transfer that it was about, `body` the digest of the message.
    """

    pool: str
    kind: str
    point: str
    effects: int
    subject: str
    body: str


def after(effects: int) -> str:
    """The point at which so many actions and publications are done and confirmed."""
    return f"after:{effects}"


def points(effects: int) -> list[str]:
    """Where a handling with so many effects can be cut off; after the last effect there is only `ack`."""
    return [*(after(number) for number in range(1, effects)), COMMIT, ACK]


def digest(body: bytes) -> str:
    """By which a message is known again."""
    return blake3(body).hexdigest()


class Plan:
    """The plan in a folder. Each point of each kind of message is used once, and no message twice."""

    def __init__(self, folder: Path) -> None:
        self._armed, self._crashes = folder / "armed", folder / "crashes"
        self._deaths, self._again = folder / "deaths", folder / "again"
        for file in (self._armed, self._crashes, self._deaths, self._again):
            file.touch()

    def arm(self, pool: str) -> None:
        """From now on it is the workers of `pool` that die; of "" nobody does."""
        self._armed.write_text(pool)

    def armed(self) -> str:
        """The pool whose workers are to die, or ""."""
        return self._armed.read_text()

    def crashes(self, pool: str | None = None) -> list[Crash]:
        """How workers have died so far: all of them, or those of a pool."""
        lines = [line.split() for line in self._crashes.read_text().splitlines()]
        found = [Crash(where, kind, point, int(n), *about) for where, kind, point, n, *about in lines]
        return [crash for crash in found if pool in {None, crash.pool}]

    def died_over(self, pool: str, kinds: Iterable[str]) -> bool:
        """Whether workers of a pool have died over messages of all these kinds, at each point."""
        return all(self._is_used_up(pool, kind) for kind in kinds)

    def _is_used_up(self, pool: str, kind: str) -> bool:
        crashes = [crash for crash in self.crashes(pool) if crash.kind == kind]
        # What has more effects than usual, since two things came together, does not come again at will.
        usual = min((crash.effects for crash in crashes if crash.effects > 1), default=1)
        return set(points(usual)) <= {crash.point for crash in crashes}

    def next(
        self, pool: str, kind: str, subject: str, body: bytes, effects: int, candidates: Iterable[str]
    ) -> Crash | None:
        """How to die over this message; None if it is not to be."""
        if self.armed() != pool:
            return None
        of_kind = [one for one in self.crashes(pool) if one.kind == kind]
        used = {one.point for one in of_kind}
        point = next((point for point in candidates if point not in used), None)
        if point is None or subject in {one.subject for one in of_kind}:
            return None
        return Crash(pool, kind, point, effects, subject, digest(body))

    def die(self, crash: Crash) -> None:
        """Die as by a power cut."""
        _add(self._crashes, " ".join(map(str, crash)))
        os.kill(os.getpid(), signal.SIGKILL)

    def note_death(self) -> None:
        """A worker was found dead by SIGKILL."""
        _add(self._deaths, "killed")

    def deaths(self) -> int:
        """How many workers were found dead."""
        return len(self._deaths.read_text().splitlines())

    def note_again(self, body: bytes) -> None:
        """The broker delivers a message again."""
        _add(self._again, digest(body))

    def lost(self) -> list[Crash]:
        """The deaths after which the message was not delivered again: somebody had acknowledged it."""
        again = set(self._again.read_text().splitlines())
        return [crash for crash in self.crashes() if crash.body not in again]


def _add(file: Path, line: str) -> None:
    with file.open("a") as lines:
        lines.write(line + "\n")
