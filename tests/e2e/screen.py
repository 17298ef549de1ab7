"""A terminal that somebody looks at, and a way to the broker that is slow, so that there is something to see."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from dev import ports
from dev.processes import Program, tied
from tests.e2e.world import DEADLINE_S, ROLLCAST, World

LEAVES_WITHIN_S = 30.0
ALTERNATE, BACK, CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"
"""What a program writes to get a screen of its own, to leave it, and to show the cursor again."""


class Screen:
    """A command on a terminal of so many rows and columns; `seen` is all that it has written."""

    def __init__(self, world: World, words: Sequence[str], rows: int = 24, columns: int = 120) -> None:
        self._user, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._process = subprocess.Popen(
            [*ROLLCAST, *words],
            env=world.environment | {"TERM": "xterm"},
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)
        self.seen = ""

    def wait_for(self, words: str) -> None:
        """Read until these words have been written; fail if they do not come."""
        deadline = time.monotonic() + DEADLINE_S
        while words not in self.seen:
            assert time.monotonic() < deadline, f"{words!r} is not seen in {self.seen!r}"
            assert self._read(1.0), f"it has ended without {words!r}: {self.seen!r}"

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """Read to the end; the exit status."""
        deadline = time.monotonic() + DEADLINE_S
        while self._read(1.0):
            assert time.monotonic() < deadline, f"it does not end: {self.seen!r}"
        os.close(self._user)
        return self._process.wait(LEAVES_WITHIN_S)

    def _read(self, within: float) -> bool:
        """Whether there may be more."""
        if not select.select([self._user], [], [], within)[0]:
            return True
        try:
            self.seen += os.read(self._user, 65_536).decode(errors="replace")
        except OSError:
            return False
        return True


@contextmanager
def slow(world: World, address: str, rate: int) -> Iterator[None]:
    """An account hears from the broker at `rate` bytes a second, in processes that start within the block."""
    world.add(address)
    (port,) = ports.free(1)
    broker = urlsplit(world.node.amqp_url).port
    command = [sys.executable, "-m", "bench.throttle", str(broker), str(port), str(rate)]
    proxy = Program(tied(command), os.environ, world.folder / f"slow-{address}.log")
    stored = _credentials(world, address)
    before = stored.read_text()
    told = json.loads(before)
    stored.write_text(json.dumps(told | {"amqp_url": told["amqp_url"].replace(f":{broker}", f":{port}")}))
    try:
        proxy.start()
        proxy.wait_until(lambda: ports.answers(port))
        yield
    finally:
        proxy.stop()
        stored.write_text(before)


def _credentials(world: World, address: str) -> Path:
    return world.running.home / "credentials" / f"{address}.json"
