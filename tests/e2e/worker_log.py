"""What a worker says of itself: its endpoints, and the lines of its log."""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dev.deployment import WORKERS, Worker
from tests.people import ACME, SERVER

Line = dict[str, Any]
_IMPATIENT = """
import sys
from workers.process import patience
from workers.__main__ import main
patience.WAIT_S = 1.0
sys.exit(main(sys.argv[1:]))
"""
IMPATIENT = (sys.executable, "-c", _IMPATIENT)
"""Workers that wait for what is not there for a second, and not for a minute."""


class Health(NamedTuple):
    """What an endpoint answers: its status, and what it tells."""

    status: int
    told: dict[str, Any]


def health(worker: Worker, endpoint: str) -> Health:
    """The answer of `livez` or `readyz`."""
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{worker.metrics_port}/{endpoint}", timeout=30
        ) as answer:
            return Health(answer.status, json.load(answer))
    except urllib.error.HTTPError as refused:
        return Health(refused.code, json.load(refused))


def lines(worker: Worker, event: str = "") -> list[Line]:
    """The lines of a worker's log whose event begins so. Fails if one of all is no JSON object with what it needs."""
    found: list[Line] = [json.loads(line) for line in worker.log.read_text().splitlines()]
    for line in found:
        assert {"timestamp", "level", "event", "logger"} <= line.keys(), line
    return [line for line in found if line["event"].startswith(event)]


def waits(worker: Worker, what: str, attempts: int = 2) -> bool:
    """Whether a worker has said so often that it waits for this."""
    return worker.log.exists() and worker.log.read_text().count(f"waiting for {what}") >= attempts


def worker(
    folder: Path,
    told: Mapping[str, str],
    arguments: Sequence[str] = (),
    command: Sequence[str] = WORKERS,
) -> Worker:
    """A worker process that is not started, with an SQLite ledger and a spool in `folder` unless `told` otherwise."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("ROLLCAST_")},
        "ROLLCAST_SERVER": SERVER,
        "ROLLCAST_DOMAINS": ACME,
        "ROLLCAST_LEDGER": f"sqlite:///{folder / 'ledger.db'}",
        "ROLLCAST_SPOOL": f"file://{folder / 'spool'}",
        **told,
    }
    return Worker(command, arguments, environment, folder / "worker.log")
