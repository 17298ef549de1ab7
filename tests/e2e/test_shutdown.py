"""Workers that are told to end under load: nothing is lost, and nothing is done twice."""

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.impersonator import Impersonator
from dev import management, ports
from dev.broker import Broker
from dev.deployment import WORKERS, Worker
from rollcast import Credentials, Report, Sender, events
from rollcast.messages.values import Capabilities, Limits
from rollcast.settings import ClientSettings
from rollcast.topology import MiB
from tests.e2e.locked import locked
from tests.e2e.stage import until
from tests.e2e.underway import digest, newest
from tests.e2e.witness import Record
from tests.e2e.world import World, clean, deployed, random_file
from tests.people import ACME, ALICE, BOB, SERVER
from workers.ledger import Database, accounts
from workers.process.stopping import DRAIN_S

pytestmark = pytest.mark.long

MANY = [f"t{number}@{ACME}" for number in range(200)]
AT_ONCE_S = 2.0
TOLD = "stopping; a second signal"
ENOUGH = 60
"""Deliveries that were done before a worker is told to end; a roll call takes many more."""


class Load:
    """A roll call of many, whose terminals this process plays, and a file on its way to Bob."""

    def __init__(self, world: World, record: Record, source: Path) -> None:
        self.world, self.record, self.source = world, record, source
        (self.server,) = world.running.servers.values()
        self.leaving, self.staying = self.server.workers

    @asynccontextmanager
    async def stuck(self) -> AsyncIterator[None]:
        """The ledger takes no changes, and the worker that is to leave has something in hand that needs one."""
        while True:
            with locked(self.server.ledger):
                if await self._waits():
                    yield
                    return

    async def _waits(self) -> bool:
        """Whether it has taken something that does not end: reading goes on, and what was changed is acknowledged."""
        done = self.done(self.leaving)
        for _ in range(3):
            await asyncio.sleep(0.3)
            if not self.world.metric_of(self.leaving, "rollcast_in_flight"):
                return False
        return self.done(self.leaving) == done

    async def tell_to_leave(self) -> None:
        """Return when the worker has heard it; a signal that comes before that would be the same one."""
        heard = self._told()
        self.leaving.tell(signal.SIGTERM)
        await until(lambda: self._told() > heard, "it has heard that")

    def _told(self) -> int:
        return self.leaving.log.read_text().count(TOLD)

    async def left(self) -> float:
        """Wait until the worker that was told to has ended; how many seconds that took."""
        since = time.monotonic()
        await until(lambda: self.leaving.returncode is not None, "the worker has ended")
        return time.monotonic() - since

    async def come_back(self) -> None:
        """Start the worker again that has left."""
        self.leaving.start()
        await asyncio.to_thread(self.leaving.wait_until_healthy)

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Begin when both workers have done some of it; at the end all has come to its end."""
        begun = {worker: self.done(worker) for worker in self.server.workers}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_roll_calls(self))
            tasks.create_task(_send(self))
            await until(
                lambda: all(self.done(worker) > done + ENOUGH for worker, done in begun.items()),
                "all are busy",
            )
            yield
        await until(lambda: not self._waiting(), "nothing waits in the queues of the steps")

    def _waiting(self) -> list[str]:
        queues = management.call(self.world.node.management_url, "GET", self.world.node.path("queues"))
        steps = (one for one in queues if one["name"].startswith("rollcast.step2."))
        return [one["name"] for one in steps if one.get("messages") != 0]

    def done(self, worker: Worker) -> int:
        """How many deliveries a process has done."""
        return sum(deed.pid == worker.pid for deed in self.record.deeds())


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory, node: Broker) -> Iterator[Load]:
    """Two worker processes with all pools, which are watched."""
    clean(node)
    folder = tmp_path_factory.mktemp("load")
    record = folder / "deeds"
    command = (sys.executable, "-m", "tests.e2e.witness", str(record))
    with deployed(folder, node, copies=2, command=command) as world:
        world.add(ALICE)
        asyncio.run(_enrol(world.running.servers[SERVER].ledger))
        world.receive(BOB)
        yield Load(world, Record(record), random_file(folder / "big.bin", 48 * MiB))


async def _enrol(ledger_url: str) -> None:
    """Accounts without broker users: the impersonator speaks for them."""
    database = Database(ledger_url)
    async with database.begin() as ledger:
        for address in MANY:
            await accounts.add(ledger, address, Limits(), None)
            await accounts.register(ledger, address, Capabilities())
    await database.close()


async def _roll_calls(load: Load) -> None:
    """One roll call after the other until a worker has left, and all answers count."""
    credentials = Credentials.load(ALICE, ClientSettings.read(load.world.environment))
    async with Impersonator(load.world.node, MANY), Sender.connect(credentials) as sender:
        while load.leaving.returncode is None:
            assert (await _reported(sender.send(load.source, MANY, dry_run=True))).complete


async def _reported(happening: AsyncIterator[events.SenderEvent]) -> Report:
    async for event in happening:
        if isinstance(event, events.Reported):
            return event.report
    raise AssertionError("there was no report")


async def _send(load: Load) -> None:
    """The file arrives."""
    sending = load.world.start(*load.world.sending(load.source, ALICE, [BOB]))
    out, said = await asyncio.to_thread(sending.communicate, timeout=90)
    assert sending.returncode == 0, said
    assert json.loads(out)["state"] == "completed"
    assert digest(newest(load.world.inbox(BOB))) == digest(load.source)


async def test_one_of_two_is_told_to_end(load: Load) -> None:
    """It does what it has in hand, and nothing of that is done again by the other one."""
    async with load.going_on():
        async with load.stuck():
            await load.tell_to_leave()
            before = load.done(load.leaving)
        seconds = await load.left()
        after = load.done(load.leaving)
    assert load.leaving.returncode == 0, load.leaving.tail()
    assert seconds < DRAIN_S
    assert after > before
    twice = {deed for deed, times in Counter(d.message_id for d in load.record.deeds()).items() if times > 1}
    assert not twice
    await load.come_back()


async def test_told_twice(load: Load) -> None:
    """It leaves on the spot, and what it had in hand is done by the others."""
    async with load.going_on(), load.stuck():
        await load.tell_to_leave()
        load.leaving.tell(signal.SIGTERM)
        seconds = await load.left()
    assert load.leaving.returncode == 1
    assert seconds < AT_ONCE_S
    last_words = load.leaving.log.read_text().rpartition(TOLD)[2]
    assert "told to stop twice" in last_words
    assert "Traceback" not in last_words
    await load.come_back()


def test_told_before_there_is_a_broker(tmp_path: Path) -> None:
    """A worker that still waits for the broker ends as well."""
    (port,) = ports.free(1)
    told = {
        "ROLLCAST_DOMAINS": ACME,
        "ROLLCAST_AMQP_URL": f"amqp://server-main@127.0.0.1:{port}",
        "ROLLCAST_LEDGER": f"sqlite:///{tmp_path / 'ledger.db'}",
        "ROLLCAST_SPOOL": f"file://{tmp_path / 'spool'}",
    }
    worker = Worker(WORKERS, (), os.environ | told, tmp_path / "worker.log")
    worker.start()
    worker.wait_until(lambda: _answers(worker))
    since = time.monotonic()
    worker.stop()
    assert worker.returncode == 0, worker.tail()
    assert time.monotonic() - since < AT_ONCE_S


def _answers(worker: Worker) -> bool:
    try:
        return not worker.is_healthy() and ports.answers(worker.metrics_port)
    except OSError:
        return False
