"""Fan-out: 128 MiB to 16 receivers, against others that bring a file to as many.

With us the file is uploaded, spooled, fanned out, verified chunk by chunk and as a whole, synced, and a receipt of
each receiver is in the ledger. What the others do, and begin with, is told where they are: `bench/nginx.py`,
`bench/rsync.py`, `bench/nats_store.py`.
"""

import asyncio
import shutil
import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from bench.peers import peers
from bench.stage import MiB, Stage, random_file, receiving, stage
from rollcast import Sender
from rollcast.events import Reported, UploadStarted
from rollcast.states import Transfer

RECEIVERS, SIZE, ROUNDS = 16, 128 * MiB, 3
ADDRESSES = [f"r{number}@{'acme' if number % 2 else 'globex'}" for number in range(RECEIVERS)]
OURS = "rollcast"


def run(folder: Path) -> dict[str, Any]:
    """MB/s of all in turns, and the ratios of the medians; 0.40 of nginx is the goal."""
    rates: dict[str, list[float]] = defaultdict(list)
    with stage(folder, ["alice@acme", *ADDRESSES]) as set_up, peers(folder) as others:
        source = random_file(folder / "source.bin", SIZE)
        for _ in range(ROUNDS):
            for peer in others:
                rates[peer.name].append(_rate(peer.fetch(source, RECEIVERS)))
            with receiving(set_up, ADDRESSES):
                rates[OURS].append(_rate(asyncio.run(_cast(set_up, source))))
            shutil.rmtree(folder / "received")
    medians = {name: statistics.median(found) for name, found in rates.items()}
    return {
        **{f"{name}_mb_s": median for name, median in medians.items()},
        **{f"of_{name}": medians[OURS] / median for name, median in medians.items() if name != OURS},
        **{f"{name}_rounds_mb_s": found for name, found in rates.items()},
    }


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
