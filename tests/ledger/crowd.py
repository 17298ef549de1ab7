"""Eight worker processes on one ledger, each handling its own messages as the runner would."""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import tenacity

from rollcast.errors import Transient
from rollcast.topology import POOLS, accepts
from tests.unit.steps.world import SETTINGS
from workers.ledger import Database, spooled
from workers.ledger.migrate import migrate
from workers.order import in_order
from workers.steps import STEPS
from workers.work import Outcome, Received, Services

SIZE = 8
START_S = 60
Result = TypeVar("Result")

_RETRYING = tenacity.retry_if_exception_type(Transient)


@dataclass(frozen=True)
class Crowd:
    """The processes."""

    pool: ProcessPoolExecutor

    def handle(self, url: str, shares: Sequence[Sequence[Sequence[Received]]]) -> list[Outcome]:
        """Hand each process its share of batches; all that follows, in no order."""
        return [outcome for found in self._together(_handle, url, shares) for outcome in found]

    def spool(self, url: str, transfer_id: str, shares: Sequence[Sequence[Mapping[int, bytes]]]) -> int:
        """Let each process write down stored chunks; how many were new, in all."""
        return sum(self._together(_spool, url, [(transfer_id, share) for share in shares]))

    def migrate(self, url: str) -> None:
        """Let all of them migrate a ledger, as when they start."""
        self._together(_migrate, url, [None] * SIZE)

    def _together(self, work: Callable[[str, Any], Result], url: str, shares: Sequence[Any]) -> list[Result]:
        assert len(shares) == SIZE
        return [one.result() for one in [self.pool.submit(_meet, work, url, share) for share in shares]]


@contextmanager
def crowd() -> Iterator[Crowd]:
    """Start the processes, and end them."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(SIZE)
    with ProcessPoolExecutor(SIZE, context, _remember, (start,)) as pool:
        yield Crowd(pool)


_start: Any = None


def _remember(start: Any) -> None:
    global _start
    _start = start


def _meet(work: Callable[[str, Any], Result], url: str, share: Any) -> Result:
    # Whoever is here first waits, so that no process does the work of two.
    _start.wait(START_S)
    return work(url, share)


def _handle(url: str, share: Sequence[Sequence[Received]]) -> list[Outcome]:
    async def handle(database: Database) -> list[Outcome]:
        return [outcome for batch in share for outcome in await _one_batch(database, batch)]

    return _with(url, handle)


async def _one_batch(database: Database, batch: Sequence[Received]) -> list[Outcome]:
    kind = type(batch[0].message)
    step = next(STEPS[pool] for pool in POOLS if kind in accepts(pool))
    async with database.begin() as ledger:
        return await step(in_order(batch), Services(ledger, SETTINGS))


def _spool(url: str, share: tuple[str, Sequence[Mapping[int, bytes]]]) -> int:
    async def spool(database: Database) -> int:
        return sum([await _one_write(database, share[0], chunks) for chunks in share[1]])

    return _with(url, spool)


@tenacity.retry(retry=_RETRYING, stop=tenacity.stop_after_attempt(20))
async def _one_write(database: Database, transfer_id: str, chunks: Mapping[int, bytes]) -> int:
    async with database.begin() as ledger:
        new, differing = await spooled.add(ledger, transfer_id, chunks)
        assert differing is None
        return new


def _migrate(url: str, _: None) -> None:
    asyncio.run(migrate(url))


def _with(url: str, work: Callable[[Database], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        database = Database(url)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())
