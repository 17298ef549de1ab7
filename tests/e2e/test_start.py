"""A worker that starts waits for what it needs, says so, and comes to an end."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from dev import definitions, management, ports
from dev.broker import Broker, Node
from dev.deployment import Worker, forget
from dev.postgres import Cluster
from tests.broker.proxy import Proxy
from tests.e2e.stage import until
from tests.e2e.worker_log import IMPATIENT, Health, Line, health, lines, waits, worker
from tests.people import OPERATOR, SERVER, SERVER_USER

pytestmark = pytest.mark.long

AT_ONCE_S = 5.0
PASSWORD = "0pen5esame"
NOWHERE = f"amqp://{SERVER_USER}:{PASSWORD}@127.0.0.1:1"
NO_LEDGER = f"postgresql://rollcast:{PASSWORD}@127.0.0.1:1/rollcast"


@asynccontextmanager
async def started(made: Worker) -> AsyncIterator[Worker]:
    """A worker that is stopped at the end, if it has not ended before."""
    made.start()
    try:
        yield made
    finally:
        await asyncio.to_thread(made.stop)


def _at(url: str, port: int) -> str:
    """The same address by another port."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}"))


async def test_a_ledger_that_comes_late_and_goes(
    node: Broker, postgres_cluster: Cluster, tmp_path: Path
) -> None:
    """The worker starts when it comes, is not ready while it is gone, and never worth starting again for that."""
    (port,) = ports.free(1)
    ledger = postgres_cluster.database("late")
    proxy = Proxy(ledger)
    told = {**_of_server(node), "ROLLCAST_LEDGER": _at(ledger, port)}
    async with started(worker(tmp_path, told)) as made:
        await until(lambda: waits(made, "the ledger"), "it waits for the ledger")
        assert health(made, "livez").status == 200
        _not_ready(health(made, "readyz"), "the ledger cannot be reached: ")
        first, second, *_ = lines(made, "waiting for the ledger")
        assert (first["attempt"], second["attempt"], first["level"]) == (1, 2, "warning")
        assert "Connect call failed" in first["error"]
        assert first["next_try_s"] >= 0
        await proxy.start(port)
        await until(made.is_healthy, "it is ready")
        (there,) = lines(made, "the ledger is there")
        assert there["before"] is None
        proxy.close()
        await until(lambda: not made.is_healthy(), "it is not ready any more")
        _not_ready(health(made, "readyz"), "the ledger ")
        assert health(made, "livez").status == 200
        await proxy.start(port)
        await until(made.is_healthy, "it is ready again")
    proxy.close()
    assert made.returncode == 0, made.tail()
    assert postgres_cluster.password not in made.log.read_text()


def _of_server(node: Broker) -> dict[str, str]:
    """The settings that name the broker for the user of a server, who is made."""
    users = definitions.build([SERVER], node.version, node.vhost, OPERATOR)
    definitions.apply(node.management_url, users)
    forget(node, SERVER)
    password = definitions.password(users, SERVER_USER)
    return {
        "ROLLCAST_AMQP_URL": management.as_user(node.amqp_url, SERVER_USER, password),
        "ROLLCAST_MANAGEMENT_URL": management.as_user(node.management_url, SERVER_USER, password),
        "ROLLCAST_OPERATORS": OPERATOR,
    }


def _not_ready(answer: Health, ledger: str) -> None:
    assert (answer.status, answer.told["ready"]) == (503, False)
    assert answer.told["ledger"].startswith(ledger), answer


async def test_a_broker_that_comes_late(tmp_path: Path) -> None:
    """The worker says that it waits for it, and works when it is there."""
    node = Node(tmp_path / "broker")
    await asyncio.to_thread(node.start)
    told = _of_server(node)
    await asyncio.to_thread(node.stop)
    async with started(worker(tmp_path, told, ["s210", "clock"])) as made:
        try:
            await until(lambda: waits(made, "the broker"), "it waits for the broker")
            waiting = health(made, "readyz")
            assert (waiting.status, waiting.told["phase"]) == (503, "waiting for the broker")
            assert waiting.told["pools"] == {"s210": "has not started", "clock": "has not started"}
            assert waiting.told["ledger"] == "ok"
            assert health(made, "livez").status == 200
            await asyncio.to_thread(node.start)
            await until(made.is_healthy, "it is ready")
            (ready,) = lines(made, "ready")
            assert ready["pools"] == ["s210", "clock"]
        finally:
            await asyncio.to_thread(made.stop)
            await asyncio.to_thread(node.stop)
    assert made.returncode == 0, made.tail()
    assert [line["event"].partition(":")[0] for line in lines(made)][-2:] == ["drained", "stopped"]


@pytest.mark.parametrize(
    ("arguments", "ledger", "what", "status"),
    [
        ([], NO_LEDGER, "the ledger", 0),
        ([], None, "the broker", 0),
        (["migrate"], NO_LEDGER, "the ledger", 1),
    ],
)
async def test_told_while_it_waits(
    tmp_path: Path, arguments: list[str], ledger: str | None, what: str, status: int
) -> None:
    """It ends at once; what has not been migrated is not called so."""
    environment = {"ROLLCAST_AMQP_URL": NOWHERE} | ({"ROLLCAST_LEDGER": ledger} if ledger else {})
    async with started(worker(tmp_path, environment, arguments)) as made:
        await until(lambda: waits(made, what, 3), f"it waits for {what}")
        since = time.monotonic()
        made.tell(signal.SIGTERM)
        await until(lambda: made.returncode is not None, "it has ended")
    assert time.monotonic() - since < AT_ONCE_S
    assert made.returncode == status, made.tail()
    assert lines(made, "waiting for")
    assert PASSWORD not in made.log.read_text()


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (
            {"ROLLCAST_LEDGER": NO_LEDGER},
            "the ledger was waited for 1 s, in vain: the ledger cannot be reached",
        ),
        ({}, "the broker was waited for 1 s, in vain: no broker answers at 127.0.0.1:1"),
        (
            {"ROLLCAST_SPOOL": "file:///dev/null/spool"},
            "the spool was waited for 1 s, in vain: the spool file:///",
        ),
    ],
)
async def test_what_never_comes(tmp_path: Path, told: dict[str, str], error: str) -> None:
    """Status 1, and the last line says what was waited for, for how long, and why it is not there."""
    made = worker(tmp_path, {"ROLLCAST_AMQP_URL": NOWHERE, **told}, command=IMPATIENT)
    last = await _ends(made, 1)
    assert last["event"].startswith(error)
    assert last["level"] == "error"
    assert lines(made, "waiting for ")


async def test_a_database_that_lets_nobody_in(postgres_cluster: Cluster, tmp_path: Path) -> None:
    """A wrong password, and a database that is not there, are told as such."""
    wrong = postgres_cluster.url.replace(postgres_cluster.password, PASSWORD)
    for ledger, why in ((wrong, "password authentication failed"), (postgres_cluster.url + "s", "not exist")):
        told = {"ROLLCAST_AMQP_URL": NOWHERE, "ROLLCAST_LEDGER": ledger}
        last = await _ends(worker(tmp_path, told, command=IMPATIENT), 1)
        assert "the ledger does not let us in: " in last["event"]
        assert why in last["event"]
    text = (tmp_path / "worker.log").read_text()
    assert PASSWORD not in text
    assert postgres_cluster.password not in text


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """It is not waited for."""
    told = {"ROLLCAST_AMQP_URL": NOWHERE, "ROLLCAST_LEDGER": f"sqlite:///{tmp_path / 'no' / 'ledger.db'}"}
    last = await _ends(made := worker(tmp_path, told), 1)
    assert last["event"] == f"the folder {tmp_path / 'no'} of the ledger is not there"
    assert "ROLLCAST_LEDGER" in last["hint"]
    assert lines(made, "waiting for") == []


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """It is told by its number, without a traceback."""
    made = worker(tmp_path, {"ROLLCAST_AMQP_URL": NOWHERE})
    with socket.create_server(("127.0.0.1", made.metrics_port)):
        last = await _ends(made, 1)
    assert last["event"].startswith(f"the port of /metrics, {made.metrics_port}, cannot be listened on")
    assert "ROLLCAST_METRICS_PORT" in last["hint"]
    assert "exception" not in last


async def test_a_setting_that_cannot_be_used(tmp_path: Path) -> None:
    """Status 2: starting again will not help. One line says which, and what to do."""
    made = worker(tmp_path, {"ROLLCAST_AMQP_URL": NOWHERE, "ROLLCAST_RETENTION_DAYS": "7"})
    last = await _ends(made, 2)
    assert last["event"] == "ROLLCAST_RETENTION_DAYS is '7', and not a number from 12 to 36500"
    assert lines(made) == [last]


async def _ends(made: Worker, status: int) -> Line:
    """The last line of a worker that ends by itself with this status."""
    async with started(made):
        await until(lambda: made.returncode is not None, "it has ended")
    assert made.returncode == status, made.tail()
    return lines(made)[-1]
