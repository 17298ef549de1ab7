"""A message that kills its workers, and what becomes of it and of those that are in hand with it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest
from aio_pika.abc import AbstractChannel

from rollcast import topology
from rollcast.broker import Link, Publisher
from rollcast.codec import encode
from rollcast.messages import ConsentAnswered
from tests.broker.conftest import STEP
from tests.waiting import until_async
from workers.broker.declarer import Declarer
from workers.envelope import Envelope
from workers.isolation import ALONE_FROM, SET_ASIDE_AT
from workers.ledger.migrate import migrate
from workers.parked.label import read
from workers.settings import Settings

POISON = "f" * 32
NEIGHBOURS = [f"{number:032x}" for number in range(150)]
"""More than two batches, and fewer than a worker has in hand."""
SOON = 6
"""Deaths after which the message is set aside where that is not what is tested."""


class Ward:
    """The queue of a step in which a poison message stands before healthy ones."""

    def __init__(self, settings: Settings, link: Link) -> None:
        self.settings = settings
        home = settings.domains[0]
        self.origin = Envelope(f"bob@{home}", topology.UP, f"{home}.bob@{home}.answer", 0)
        self._publisher, self._declarer = Publisher(link), Declarer(link)

    async def fill(self, *transfers: str) -> None:
        """A consent for each of these transfers, in their order."""
        for transfer_id in transfers:
            body = encode(ConsentAnswered(transfer_id=transfer_id, accept=True))
            key = f"{self.settings.domains[0]}.{STEP}"
            await self._publisher.publish(topology.STEP, key, body, headers=self.origin.headers(0))

    async def parked(self) -> int:
        """How many messages are parked."""
        name = topology.parked(self.settings.server).name
        return (await self._declarer.counts([name]))[name].ready

    async def has_parked(self) -> bool:
        """Whether any is."""
        return await self.parked() > 0

    async def waiting(self) -> int:
        """How many messages nobody has taken."""
        name = topology.step_queue(self.settings.server, STEP, ()).name
        return (await self._declarer.counts([name]))[name].ready


@pytest.fixture
async def ward(server: Settings) -> AsyncIterator[Ward]:
    """A server's queue of one step, empty."""
    link = Link(server.amqp_url, "test")
    yield Ward(server, link)
    await link.close()


@contextmanager
def dying(ward: Ward, folder: Path, set_aside_at: int) -> Iterator[Callable[[], list[list[str]]]]:
    """A worker that dies over the poison, again and again. Gives the batches that were handled, in their order."""
    record = folder / "record"
    record.touch()
    fate = {
        "settings": {**asdict(ward.settings), "ledger_url": f"sqlite:///{folder}/ledger.db"},
        "step": STEP,
        "poison": POISON,
        "record": str(record),
        "set_aside_at": set_aside_at,
    }
    command = [sys.executable, "-m", "tests.broker.mortal_worker", json.dumps(fate)]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        yield lambda: [json.loads(line) for line in record.read_text().splitlines()]
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def test_a_message_that_kills_its_workers_is_set_aside(
    ward: Ward, admin: AbstractChannel, tmp_path: Path
) -> None:
    """After so many deaths, as itself, by the next worker."""
    await ward.fill(POISON)
    await migrate(f"sqlite:///{tmp_path}/ledger.db")
    with dying(ward, tmp_path, SOON) as batches:
        await until_async(ward.has_parked, "the poison is set aside", 100)
    await _assert_set_aside(ward, admin, batches(), SOON)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_its_neighbours_are_not_set_aside_with_it(
    ward: Ward, admin: AbstractChannel, tmp_path: Path
) -> None:
    """All that was in hand with it is handled, and it alone is parked; from the third time on it was by itself."""
    await ward.fill(POISON, *NEIGHBOURS)
    await migrate(f"sqlite:///{tmp_path}/ledger.db")
    with dying(ward, tmp_path, SET_ASIDE_AT) as batches:

        async def over() -> bool:
            handled = {one for batch in batches() if POISON not in batch for one in batch}
            return await ward.has_parked() and handled >= set(NEIGHBOURS) and not await ward.waiting()

        await until_async(over, "the poison is set aside, and its neighbours are handled", 500)
    await _assert_set_aside(ward, admin, batches(), SET_ASIDE_AT)


async def _assert_set_aside(
    ward: Ward, admin: AbstractChannel, batches: Sequence[Sequence[str]], set_aside_at: int
) -> None:
    assert await ward.parked() == 1
    queue = await admin.get_queue(topology.parked(ward.settings.server).name)
    found = read(await queue.get())
    assert (found.step, found.reason, found.envelope) == (STEP, "delivery_limit", ward.origin)
    assert found.replayable
    assert found.described().transfer_id == POISON
    deaths = [batch for batch in batches if POISON in batch]
    assert len(deaths) == set_aside_at
    assert all(batch == [POISON] for batch in deaths[ALONE_FROM:])
