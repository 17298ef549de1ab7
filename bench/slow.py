"""A slow receiver: what 15 others need for 128 MiB while one reads at 1 MB/s, and what they need without it."""

import asyncio
import shutil
import statistics
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from bench.stage import MiB, Stage, random_file, receiving, stage
from bench.throttle import throttled
from rollcast import Sender
from rollcast.events import Progressed, Reported, UploadStarted

SIZE, RATE, ROUNDS = 128 * MiB, 1_000_000, 3
FAST = [f"r{number}@{'acme' if number % 2 else 'globex'}" for number in range(15)]
SLOW = [f"slow{number}@acme" for number in range(ROUNDS)]
"""One for each round: what it began it would go on with in the next one."""


def run(folder: Path) -> dict[str, Any]:
    """Seconds of the 15 without and with it, in turns, and the ratio of the medians; 1.1 is the goal."""
    without: list[float] = []
    beside: list[float] = []
    rates: list[float] = []
    with stage(folder, ["alice@acme", *FAST, *SLOW]) as set_up, throttled(set_up, SLOW, RATE):
        source = random_file(folder / "source.bin", SIZE)
        for slow in SLOW:
            without.append(_round(set_up, source, FAST)[0])
            seconds, stored = _round(set_up, source, [slow, *FAST])
            beside.append(seconds)
            rates.append(stored.get(slow, 0) / 1e6 / seconds)
    return {
        "ratio": statistics.median(beside) / statistics.median(without),
        "seconds_without": without,
        "seconds_beside": beside,
        "slow_one_mb_s": rates,
    }


def _round(set_up: Stage, source: Path, receivers: Sequence[str]) -> tuple[float, dict[str, int]]:
    with receiving(set_up, receivers):
        found = asyncio.run(_cast(set_up, source, receivers))
    shutil.rmtree(set_up.folder / "received")
    return found


async def _cast(set_up: Stage, source: Path, receivers: Sequence[str]) -> tuple[float, dict[str, int]]:
    """Seconds from the first grant to the last receipt of the fast ones in the ledger, and the last progress."""
    started, stored = 0.0, dict[str, int]()
    async with (
        Sender.connect(set_up.credentials("alice@acme")) as sender,
        aclosing(sender.send(source, receivers)) as events,
    ):
        async for event in events:
            match event:
                case UploadStarted():
                    started = time.time()
                case Progressed():
                    stored = dict(event.receivers)
            if isinstance(event, Progressed | Reported):
                report = await sender.status(event.transfer_id)
                delivered = [r.delivered_at for r in report.receivers if r.address in FAST]
                if None not in delivered:
                    return max(one or 0 for one in delivered) / 1e6 - started, stored
    raise RuntimeError("not everyone has the file")
