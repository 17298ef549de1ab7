"""Workers of one server that name another ledger, spool or domains end with status 2, and those that run go on."""

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from dev.broker import Broker
from dev.deployment import Worker
from tests.e2e.worker_log import IMPATIENT, Line, lines
from tests.e2e.world import World, deployed, ends, random_file
from tests.people import ACME, ALICE, BOB, GLOBEX, INITECH, SERVER
from tests.waiting import wait_until

OTHERS: Mapping[str, Mapping[str, str]] = {
    "ROLLCAST_LEDGER": {"ROLLCAST_LEDGER": "sqlite:///{folder}/other.db"},
    "ROLLCAST_SPOOL": {"ROLLCAST_SPOOL": "file://{folder}/other"},
    "ROLLCAST_DOMAINS": {"ROLLCAST_DOMAINS": ACME},
}


@pytest.fixture
def world(tmp_path: Path, node: Broker) -> Iterator[World]:
    """A server of its own for each test."""
    with deployed(tmp_path / "world", node) as made:
        yield made


@pytest.mark.parametrize("setting", OTHERS)
def test_a_second_worker_that_names_another(world: World, tmp_path: Path, setting: str) -> None:
    """It says which setting, and what the server has; nobody else is disturbed, and doctor finds all well."""
    told = {name: value.format(folder=tmp_path) for name, value in OTHERS[setting].items()}
    last = _ends(_second(world, tmp_path, told), 2)
    assert (last["level"], last["code"]) == ("error", "other_identity")
    assert last["event"].startswith(f"{setting} "), last
    assert f"the server '{SERVER}' " in last["event"]
    assert "python -m workers adopt" in last["hint"]
    assert [one.returncode for one in world.running.workers] == [None]
    world.receive(BOB)
    world.add(ALICE)
    done = world.send(random_file(tmp_path / "file.bin", 100_000), ALICE, [BOB])
    assert ends(done.document) == {BOB: ("delivered", None)}
    assert world.run("doctor", "--json").status == 0


def test_pools_that_need_no_spool(world: World, tmp_path: Path) -> None:
    """They run where it cannot be reached."""
    made = _second(world, tmp_path, {"ROLLCAST_SPOOL": f"file://{tmp_path}/other"}, "s240", "progress")
    made.start()
    made.wait_until_healthy()
    made.stop()
    assert made.returncode == 0, made.tail()


@pytest.mark.long
def test_a_domain_is_added_to_a_server_that_runs(world: World, tmp_path: Path) -> None:
    """By `adopt`, as the document says: the worker that runs ends with status 2, a new one serves the domain."""
    (running,) = world.running.workers
    more = {"ROLLCAST_DOMAINS": f"{GLOBEX},{ACME},{INITECH}"}
    adopting = _second(world, tmp_path, more, "adopt")
    said = _ends(adopting, 0)
    assert said["event"].startswith("adopted")
    (before,) = lines(adopting, "it was otherwise until now: ROLLCAST_DOMAINS")
    assert f"has {ACME},{GLOBEX}" in before["event"]
    _wait_for_the_end(running)
    assert running.returncode == 2, running.tail()
    assert lines(running)[-1]["event"].startswith(f"ROLLCAST_DOMAINS is {ACME},{GLOBEX}, and the server")
    made = _second(world, tmp_path, more)
    made.start()
    made.wait_until_healthy()
    try:
        done = world.run("admin", "add", f"zoe@{INITECH}", ROLLCAST_DOMAINS=INITECH)
        assert done.status == 0, done.said
    finally:
        made.stop()


@pytest.mark.long
def test_another_ledger_is_not_adopted_while_workers_run(world: World, tmp_path: Path) -> None:
    """Status 1; when they have been stopped it is, and a worker starts with it."""
    (running,) = world.running.workers
    other = {"ROLLCAST_LEDGER": f"sqlite:///{tmp_path}/other.db"}
    assert (
        f"workers of the server '{SERVER}' run" in _ends(_second(world, tmp_path, other, "adopt"), 1)["event"]
    )
    assert running.returncode is None
    running.stop()
    assert _ends(_second(world, tmp_path, other, "adopt"), 0)["event"].startswith("adopted")
    made = _second(world, tmp_path, other)
    made.start()
    made.wait_until_healthy()
    made.stop()
    assert made.returncode == 0, made.tail()
    running.start()
    _wait_for_the_end(running)
    assert running.returncode == 2, running.tail()


def _second(world: World, folder: Path, told: Mapping[str, str], *arguments: str) -> Worker:
    """A worker with the settings of the one that runs, but for what it is told; it waits for a second, no minute."""
    own = folder / secrets.token_hex(4)
    own.mkdir()
    (running,) = world.running.workers
    return Worker(IMPATIENT, arguments, {**running.env, **told}, own / "worker.log")


def _wait_for_the_end(made: Worker) -> None:
    wait_until(lambda: made.returncode is not None, "it has ended by itself")


def _ends(made: Worker, status: int) -> Line:
    """The last line of a worker that ends by itself with this status."""
    made.start()
    _wait_for_the_end(made)
    assert made.returncode == status, made.tail()
    return lines(made)[-1]
