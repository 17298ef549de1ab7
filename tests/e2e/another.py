"""One more worker of a server that runs, with a setting of its own."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from dev.deployment import Worker
from tests.e2e.worker_log import IMPATIENT, Line, lines
from tests.e2e.world import World
from tests.waiting import wait_until


def another_worker(world: World, folder: Path, told: Mapping[str, str], *arguments: str) -> Worker:
    """A worker with the settings of the one that runs, but for what it is told; it waits for a second, no minute."""
    own = folder / secrets.token_hex(4)
    own.mkdir()
    (running,) = world.running.workers
    return Worker(IMPATIENT, arguments, {**running.env, **told}, own / "worker.log")


def starts_and_ends(made: Worker, status: int) -> Line:
    """The last line of a worker that ends by itself with this status."""
    made.start()
    return ends_by_itself(made, status)


def ends_by_itself(made: Worker, status: int) -> Line:
    """The last line of a worker that has been started."""
    wait_until(lambda: made.returncode is not None, "it has ended by itself")
    assert made.returncode == status, made.tail()
    return lines(made)[-1]
