"""A stuck receiver: 2 GiB to it and three others, over a broker that may use 400 MB of memory."""

import asyncio
import shutil
import time
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from pathlib import Path
from typing import Any

from bench.silent import PREFETCH, UNLIMITED, frozen, silent
from bench.stage import MiB, Stage, random_file, receiving, stage
from dev.gauge import Gauge
from rollcast import Sender
from rollcast.errors import BrokerUnavailable
from rollcast.events import ListResolved, UploadStarted

SIZE = 2048 * MiB
MEMORY = "400MB"
STUCK, OTHERS = "bob@acme", ["carol@globex", "dave@acme", "erin@globex"]
DEADLINE_S = 400.0
"""With publishers blocked for good nobody would ever finish."""


def run(folder: Path) -> dict[str, Any]:
    """For each kind of stuck receivers three others that have the file are the goal, and no alarm that lasts.

    Near this limit the alarm may come for a moment without any stuck receiver, by what Erlang keeps in reserve.
    """
    source = random_file(folder / "source.bin", SIZE)
    found = {"memory_limit": MEMORY}
    return found | {kind: _beside(folder / kind, source, kind) for kind in ("silent", "unlimited", "frozen")}


def _beside(folder: Path, source: Path, kind: str) -> dict[str, Any]:
    folder.mkdir()
    processes = [*OTHERS, STUCK] if kind == "frozen" else OTHERS
    with (
        stage(folder, ["alice@acme", STUCK, *OTHERS], MEMORY) as set_up,
        Gauge(set_up.node) as gauge,
        receiving(set_up, processes) as running,
    ):
        prefetch = UNLIMITED if kind == "unlimited" else PREFETCH
        stuck = frozen(running[STUCK]) if kind == "frozen" else silent(set_up.credentials(STUCK), prefetch)
        finished = asyncio.run(_deliver(set_up, source, stuck))
        alarmed = gauge.alarmed
    shutil.rmtree(folder)
    return {
        "alarm": alarmed,
        "alarm_s": gauge.alarm_s,
        "others_finished": len(finished),
        "seconds": max(finished, default=DEADLINE_S),
        "broker_peak_mb": gauge.memory / 1e6,
        "lane_peak_mib": gauge.lane / MiB,
    }


async def _deliver(set_up: Stage, source: Path, stuck: AbstractAsyncContextManager[None]) -> list[float]:
    """Seconds from the first grant to each of the others' receipts, of those that come before the deadline."""
    async with (
        Sender.connect(set_up.credentials("alice@acme")) as sender,
        stuck,
        asyncio.TaskGroup() as tasks,
    ):
        begun: asyncio.Future[tuple[str, float]] = asyncio.get_running_loop().create_future()
        sending = tasks.create_task(_send(sender, source, begun))
        transfer_id, started = await begun
        finished: list[float] = []
        while len(finished) < len(OTHERS) and time.time() < started + DEADLINE_S:
            await asyncio.sleep(1)
            # While the alarm lasts nobody can ask.
            with suppress(BrokerUnavailable):
                report = await sender.status(transfer_id)
                ends = [r.delivered_at / 1e6 for r in report.receivers if r.delivered_at is not None]
                finished = [end - started for end in ends]
        sending.cancel()
    return finished


async def _send(sender: Sender, source: Path, begun: "asyncio.Future[tuple[str, float]]") -> None:
    async with aclosing(sender.send(source, [STUCK, *OTHERS])) as events:
        async for event in events:
            if isinstance(event, ListResolved) and len(event.listed) != 1 + len(OTHERS):
                raise RuntimeError(f"not all are on the list: {event.others}")
            if isinstance(event, UploadStarted):
                begun.set_result((event.transfer_id, time.time()))
