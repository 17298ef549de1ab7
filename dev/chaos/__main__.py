"""`python -m dev.chaos`: set up, play, check, tell."""

import logging
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.alone import alone
from dev.broker import Broker, node
from dev.chaos import telling
from dev.chaos.faults import left_out, weights
from dev.chaos.memory import measure
from dev.chaos.names import delete_all
from dev.chaos.play import Play
from dev.chaos.record import Record
from dev.chaos.rounds import round_to_all
from dev.chaos.scene import scene
from dev.chaos.schedule import plan
from dev.chaos.verdict import judge
from dev.chaos.wishes import wishes
from dev.packages import RUN, Missing
from dev.processes import Failed, unwind_when_told_to_end

FOLDER = RUN / "chaos"
FIRST_ROUND = 800
"""The number of its first file."""


def main() -> int:
    """Run. Exit status: 0 if all held, 1 if not, 2 without a broker or for a wrong setting."""
    unwind_when_told_to_end()
    try:
        seconds = float(os.environ.get("CHAOS_SECONDS") or 120)
        seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(10**9))
    except ValueError as error:
        print(f"CHAOS_SECONDS and CHAOS_SEED must be numbers: {error}", file=sys.stderr)
        return 2
    try:
        with _new_folder() as folder:
            found = _run(folder, seconds, seed)
    except Failed as error:
        found = [str(error)]
    except Missing as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if not found:
        _forget_files()
    telling.conclude(found, seconds, seed, FOLDER)
    return 1 if found else 0


def _run(folder: Path, seconds: float, seed: int) -> list[str]:
    _keep_to_itself(folder / "amqp.log")
    with _clean_broker(folder) as broker, scene(folder, broker) as made:
        telling.begin(broker.version, seconds, seed, left_out(broker))
        if found := round_to_all(made, FIRST_ROUND):
            return found
        before = measure(made)
        record = Record(folder / "faults.log")
        Play(made, record).run(plan(seed, seconds, weights(broker)), wishes(seed, seconds), seconds)
        return judge(made, record, before)


def _keep_to_itself(log: Path) -> None:
    """What aio-pika says of a broker that is killed under it, and of connections that are left behind so."""
    logging.basicConfig(filename=log)
    logging.captureWarnings(True)
    sys.unraisablehook = lambda left: logging.getLogger("unraisable").warning(
        "%r: %r", left.object, left.exc_value
    )


@contextmanager
def _clean_broker(folder: Path) -> Iterator[Broker]:
    """Without what an earlier deployment left there: its queues would hand on messages for other ledgers."""
    with node(folder / "broker") as broker:
        delete_all(broker)
        yield broker


@contextmanager
def _new_folder() -> Iterator[Path]:
    with alone("chaos"):
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir()
        yield FOLDER


def _forget_files() -> None:
    """Keep the logs, and not the gigabytes."""
    for name in ("sources", "received"):
        shutil.rmtree(FOLDER / name)


if __name__ == "__main__":
    sys.exit(main())
