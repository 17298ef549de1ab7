"""`python -m workers adopt`: other domains while workers run, another ledger when they have been stopped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.broker import Broker
from tests.e2e.another import another_worker, ends_by_itself, starts_and_ends
from tests.e2e.worker_log import lines
from tests.e2e.world import World, deployed
from tests.people import ACME, GLOBEX, INITECH, SERVER

pytestmark = pytest.mark.long


@pytest.fixture
def world(tmp_path: Path, node: Broker) -> Iterator[World]:
    """A server of its own for each test."""
    with deployed(tmp_path / "world", node) as made:
        yield made


def test_a_domain_is_added_to_a_server_that_runs(world: World, tmp_path: Path) -> None:
    """By `adopt`, as the document says: the worker that runs ends with status 2, a new one serves the domain."""
    (running,) = world.running.workers
    more = {"ROLLCAST_DOMAINS": f"{GLOBEX},{ACME},{INITECH}"}
    adopting = another_worker(world, tmp_path, more, "adopt")
    said = starts_and_ends(adopting, 0)
    assert said["event"].startswith("adopted")
    (before,) = lines(adopting, "it was otherwise until now: ROLLCAST_DOMAINS")
    assert f"has {ACME},{GLOBEX}" in before["event"]
    last = ends_by_itself(running, 2)
    assert last["event"].startswith(f"ROLLCAST_DOMAINS is {ACME},{GLOBEX}, and the server")
    made = another_worker(world, tmp_path, more)
    made.start()
    made.wait_until_healthy()
    try:
        done = world.run("admin", "add", f"zoe@{INITECH}", ROLLCAST_DOMAINS=INITECH)
        assert done.status == 0, done.said
    finally:
        made.stop()


def test_another_ledger_is_not_adopted_while_workers_run(world: World, tmp_path: Path) -> None:
    """Status 1; when they have been stopped it is, and a worker starts with it."""
    (running,) = world.running.workers
    other = {"ROLLCAST_LEDGER": f"sqlite:///{tmp_path}/other.db"}
    assert (
        f"workers of the server '{SERVER}' run"
        in starts_and_ends(another_worker(world, tmp_path, other, "adopt"), 1)["event"]
    )
    assert running.returncode is None
    running.stop()
    assert starts_and_ends(another_worker(world, tmp_path, other, "adopt"), 0)["event"].startswith("adopted")
    made = another_worker(world, tmp_path, other)
    made.start()
    made.wait_until_healthy()
    made.stop()
    assert made.returncode == 0, made.tail()
    running.start()
    ends_by_itself(running, 2)
