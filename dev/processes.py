"""Child processes that never outlive their parent."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType


class Failed(RuntimeError):
    """A program ended, or was not ready in time; the message holds the end of its log."""


class Program:
    """A program that can be started again in place, with its output added to a file.

    The kernel kills it when the thread that started it ends, even by kill -9: start it from the main thread.
    """

    def __init__(
        self, args: Sequence[str], env: Mapping[str, str], log: Path, cwd: Path | None = None
    ) -> None:
        self.args = args
        self.env = env
        self.log = log
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id, of the last one if it has ended."""
        return self._started().pid

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._started().poll()

    def start(self) -> None:
        """Start it, in a session of its own so that Ctrl-C does not reach it."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.args,
                cwd=self._cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def tell(self, sig: signal.Signals) -> None:
        """Send it a signal; one that has ended gets none."""
        self._started().send_signal(sig)

    def stop(self, sig: signal.Signals = signal.SIGTERM, timeout: float = 20) -> None:
        """Ask it to end, and kill it if it has not after `timeout` seconds; one never started is fine."""
        if self._process is not None:
            try:
                self._end(sig, timeout)
            except subprocess.TimeoutExpired:
                self.kill()

    def wait_until(self, ready: Callable[[], bool], timeout: float = 60) -> None:
        """Wait for a condition; raise Failed if the program ends before, or `timeout` seconds pass."""
        deadline = time.monotonic() + timeout
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise Failed(f"{self.log.stem} was not ready after {timeout:.0f} s:\n{self.tail()}")
            time.sleep(0.1)

    def check(self) -> None:
        """Raise Failed if it has ended."""
        if self.returncode is not None:
            raise Failed(f"{self.log.stem} ended with status {self.returncode}:\n{self.tail()}")

    def tail(self, lines: int = 20) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise Failed(f"{self.log.stem} has not been started")
        return self._process

    def _end(self, sig: signal.Signals, timeout: float | None = None) -> None:
        self._started().send_signal(sig)
        self._started().wait(timeout)


def tied(args: Sequence[str], orphaned: str = "KILL") -> list[str]:
    """The command line of a program that gets the signal `orphaned` when its parent ends."""
    return ["setpriv", "--pdeathsig", orphaned, *args]


def unwind_when_told_to_end() -> None:
    """Let SIGTERM and SIGHUP unwind the stack, so that context managers stop what they started."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)


def resident(pid: int) -> float:
    """MiB of memory that a process has; 0 for one that has just ended."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)
