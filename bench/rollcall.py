"""Roll call: S210 to S270 for 2,000 terminals that one process plays, and for 200."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.impersonator import Impersonator
from bench.stage import Stage, random_file, stage
from rollcast import Sender
from rollcast.events import ListResolved
from rollcast.messages.values import Capabilities, Limits
from workers.ledger import Database, accounts

MANY, FEW, ROUNDS = 2_000, 200, 3
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


async def _enrol(set_up: Stage) -> None:
    """Accounts without broker users: the impersonator speaks for them."""
    database = Database(set_up.deployment.servers["main"].ledger)
    async with database.begin() as ledger:
        for address in ADDRESSES:
            await accounts.add(ledger, address, Limits(), None)
            await accounts.register(ledger, address, Capabilities())
    await database.close()


async def _call(set_up: Stage, source: Path) -> tuple[list[float], list[float]]:
    async with (
        Impersonator(set_up.node, ADDRESSES),
        Sender.connect(set_up.credentials("alice@acme")) as sender,
    ):
        await _resolve(sender, source, ADDRESSES[:FEW])
        few: list[float] = []
        many: list[float] = []
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
