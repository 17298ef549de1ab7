"""Fan-out: 128 MiB to 16 receivers, against nginx with 16 `curl`, `openssl dgst` and `sync`."""

import asyncio
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

from bench.peers import Nginx
from bench.stage import MiB, Stage, random_file, receiving, stage
from rollcast import Sender
from rollcast.events import Reported, UploadStarted
from rollcast.states import Transfer

RECEIVERS, SIZE, ROUNDS = 16, 128 * MiB, 3
ADDRESSES = [f"r{number}@{'acme' if number % 2 else 'globex'}" for number in range(RECEIVERS)]


def run(folder: Path) -> dict[str, Any]:
    """MB/s of both in turns, and the ratio of the medians; 0.40 is the goal."""
    ours: list[float] = []
    theirs: list[float] = []
    with stage(folder, ["alice@acme", *ADDRESSES]) as set_up, Nginx(folder / "nginx") as nginx:
        source = random_file(folder / "source.bin", SIZE)
        for _ in range(ROUNDS):
            if nginx.installed:
                theirs.append(_rate(nginx.fetch(source, RECEIVERS)))
            with receiving(set_up, ADDRESSES):
                ours.append(_rate(asyncio.run(_cast(set_up, source))))
            shutil.rmtree(folder / "received")
    result: dict[str, Any] = {"rollcast_mb_s": statistics.median(ours), "rounds_mb_s": ours}
    if not theirs:
        return result | {"left_out": "nginx, curl or openssl is not installed"}
    ratio = statistics.median(ours) / statistics.median(theirs)
    return result | {"nginx_mb_s": statistics.median(theirs), "nginx_rounds_mb_s": theirs, "ratio": ratio}


def _rate(seconds: float) -> float:
    return RECEIVERS * SIZE / 1e6 / seconds


async def _cast(set_up: Stage, source: Path) -> float:
    """Seconds from the first grant to the last receipt in the ledger."""
    started = 0.0
    async with Sender.connect(set_up.credentials("alice@acme")) as sender:
        async for event in sender.send(source, ADDRESSES):
            if isinstance(event, UploadStarted):
                started = time.time()
            if isinstance(event, Reported):
                if event.report.transfer.state != Transfer.COMPLETED:
                    raise RuntimeError(f"not everyone has the file: {event.report.to_json()}")
                return max(r.delivered_at or 0 for r in event.report.receivers) / 1e6 - started
    raise RuntimeError("no report came")
