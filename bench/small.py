"""Small files: 1 KiB to one receiver, both connected, from `send` to the receipt in the ledger."""

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

from bench.stage import Stage, random_file, receiving, stage
from rollcast import Sender
from rollcast.events import Reported

TRANSFERS = 50


def run(folder: Path) -> dict[str, Any]:
    """Milliseconds, the median over the transfers; 100 is the goal."""
    with stage(folder, ["alice@acme", "bob@acme"]) as set_up, receiving(set_up, ["bob@acme"]):
        times = asyncio.run(_send(set_up, random_file(folder / "small.bin", 1024)))
    return {
        "median_ms": statistics.median(times),
        "p90_ms": statistics.quantiles(times, n=10)[-1],
        "transfers": len(times),
    }


async def _send(set_up: Stage, source: Path) -> list[float]:
    times: list[float] = []
    async with Sender.connect(set_up.credentials("alice@acme")) as sender:
        for _ in range(TRANSFERS):
            started = time.time()
            async for event in sender.send(source, ["bob@acme"]):
                if isinstance(event, Reported):
                    delivered = event.report.receivers[0].delivered_at
                    if delivered is None:
                        raise RuntimeError(f"not delivered: {event.report.to_json()}")
                    times.append((delivered / 1e6 - started) * 1000)
    return times
