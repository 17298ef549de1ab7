"""Workers that die where a test wants them to: `python -m tests.e2e.crashing FOLDER [POOL …]`.

This is `python -m workers` in a process that kills itself as the plan in FOLDER says, and a parent that starts the
next one. The parent has imported everything, so that this takes no time.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from tests.e2e.crash_plan import Plan
from tests.e2e.mortal import make_mortal
from workers.__main__ import main

PR_SET_PDEATHSIG = 1


def live_again_and_again(plan: Plan, names: Sequence[str]) -> int:
    """Run workers until one ends otherwise than by SIGKILL; its exit status."""
    while True:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        pid = os.fork()
        if pid == 0:
            os._exit(_live(plan, names))
        signal.signal(signal.SIGTERM, _passing_on_to(pid))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status != -signal.SIGKILL:
            return status
        plan.note_death()


def _live(plan: Plan, names: Sequence[str]) -> int:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    with make_mortal(plan):
        return main(names)


def _passing_on_to(pid: int) -> Callable[[int, FrameType | None], None]:
    return lambda number, _: os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(live_again_and_again(Plan(Path(sys.argv[1])), sys.argv[2:]))
