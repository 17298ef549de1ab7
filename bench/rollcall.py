"""Roll call: S210 to S270 for 2,000 terminals that one process plays, and for 200; and with more workers."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.impersonator import Impersonator
from bench.stage import Stage, random_file, stage
from dev import postgres
from dev.deployment import Worker
from rollcast import Sender
from rollcast.events import ListResolved
from rollcast.messages.values import Capabilities, Limits
from workers.ledger import Database, accounts

MANY, FEW, ROUNDS = 2_000, 200, 3
WORKERS = (1, 2, 4)
"""Processes with all pools."""
ADDRESSES = [f"t{number}@acme" for number in range(MANY)]


def run(folder: Path) -> dict[str, Any]:
    """Receivers a second, and the cost of a receiver at 2,000 over that at 200; 500 and 1.3 are the goals."""
    with stage(folder, ["alice@acme"]) as set_up:
        asyncio.run(_enrol(set_up))
        few, many = asyncio.run(_call(set_up, random_file(folder / "small.bin", 1024)))
    return {
        "receivers_per_s": MANY / statistics.median(many),
        "cost_ratio": statistics.median(many) / MANY / (statistics.median(few) / FEW),
        "seconds_2000": many,
        "seconds_200": few,
    }


def scale(folder: Path) -> dict[str, Any]:
    """Receivers a second with 1, 2 and 4 worker processes, in turns, and over those with one; on either database.

    Neither waits for the disk at a commit: SQLite as it always runs, PostgreSQL with `fsync` off.
    """
    result: dict[str, Any] = {"workers": list(WORKERS)}
    with postgres.cluster(folder / "postgres") as cluster:
        for kind, ledger in (("sqlite", None), ("postgresql", cluster.url)):
            with stage(folder / kind, ["alice@acme"], workers=max(WORKERS), ledger=ledger) as set_up:
                asyncio.run(_enrol(set_up))
                rates = asyncio.run(_scale(set_up, random_file(folder / kind / "small.bin", 1024)))
            result[f"{kind}_per_s"] = rates
            result[f"{kind}_over_one"] = [rate / rates[0] for rate in rates]
    return result


async def _scale(set_up: Stage, source: Path) -> list[float]:
    seconds: dict[int, list[float]] = {number: [] for number in WORKERS}
    async with _on_stage(set_up) as sender:
        for _ in range(ROUNDS):
            for number in WORKERS:
                _run_only(set_up.deployment.workers, number)
                await _resolve(sender, source, ADDRESSES[:FEW])
                seconds[number].append(await _resolve(sender, source, ADDRESSES))
    return [MANY / statistics.median(found) for found in seconds.values()]


def _run_only(workers: Sequence[Worker], number: int) -> None:
    """The first so many run, and no other one."""
    for worker in workers[number:]:
        worker.stop()
    for worker in workers[:number]:
        if worker.returncode is not None:
            worker.start()
    for worker in workers[:number]:
        worker.wait_until_healthy()


async def _enrol(set_up: Stage) -> None:
    """Accounts without broker users: the impersonator speaks for them."""
    database = Database(set_up.deployment.servers["main"].ledger)
    async with database.begin() as ledger:
        for address in ADDRESSES:
            await accounts.add(ledger, address, Limits(), None)
            await accounts.register(ledger, address, Capabilities())
    await database.close()


@asynccontextmanager
async def _on_stage(set_up: Stage) -> AsyncIterator[Sender]:
    async with (
        Impersonator(set_up.node, ADDRESSES),
        Sender.connect(set_up.credentials("alice@acme")) as sender,
    ):
        yield sender


async def _call(set_up: Stage, source: Path) -> tuple[list[float], list[float]]:
    few: list[float] = []
    many: list[float] = []
    async with _on_stage(set_up) as sender:
        await _resolve(sender, source, ADDRESSES[:FEW])
        for _ in range(ROUNDS):
            few.append(await _resolve(sender, source, ADDRESSES[:FEW]))
            many.append(await _resolve(sender, source, ADDRESSES))
    return few, many


async def _resolve(sender: Sender, source: Path, receivers: Sequence[str]) -> float:
    started, seconds = time.perf_counter(), 0.0
    async for event in sender.send(source, receivers, dry_run=True):
        if isinstance(event, ListResolved):
            seconds = time.perf_counter() - started
            if len(event.listed) != len(receivers):
                raise RuntimeError(f"{len(event.listed)} of {len(receivers)} are listed")
    return seconds
