"""Workers of today take over from an earlier version, whose queues have other names, while transfers are open."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev.processes import Program, tied
from rollcast.topology import STEPS, step_queue
from tests.e2e import damage
from tests.e2e.earlier_worker import declare
from tests.e2e.world import World, ends, random_file
from tests.people import ACME, ALICE, BOB, CAROL, GLOBEX, SERVER
from tests.waiting import wait_until

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

DOMAINS = (ACME, GLOBEX)
EARLIER = f"rollcast.step.{SERVER}."
BESIDE_S = 15.0
"""Longer than workers take between two looks."""


def _as_the_earlier_version_left_it(world: World) -> None:
    """Its queues, bound and empty, and none of today's."""
    for step in STEPS:
        damage.delete(world.node, step_queue(SERVER, step, DOMAINS).name)
    asyncio.run(declare(world.node.amqp_url, SERVER, *DOMAINS))


@contextmanager
def _worker_of_the_earlier_version(world: World, folder: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.e2e.earlier_worker", world.node.amqp_url, SERVER, *DOMAINS]
    process = Program(tied(command), world.environment, folder / "earlier.log")
    process.start()
    try:
        yield
    finally:
        process.stop()


def test_open_transfers_go_on(world: World, tmp_path: Path) -> None:
    """What waits in the old queues is handled, also while an earlier worker runs beside; then the queues are gone."""
    world.add(ALICE)
    world.receive(BOB)
    world.receive(CAROL)
    (worker,) = world.running.workers
    parked = damage.depth(world.node, f"rollcast.parked.{SERVER}")
    first = random_file(tmp_path / "first.bin", 24 * 2**20)
    with damage.stopped(world.receiver(CAROL).pid):
        sending = world.start(*world.sending(first, ALICE, [BOB, CAROL]))
        wait_until(lambda: any(world.inbox(BOB).iterdir()), "bob receives")
        worker.stop()
        _as_the_earlier_version_left_it(world)
    second = world.start(*world.sending(random_file(tmp_path / "second.bin", 1000), ALICE, [BOB]))
    wait_until(lambda: damage.depth(world.node, f"{EARLIER}s200") > 0, "something waits in an old queue")
    with _worker_of_the_earlier_version(world, tmp_path):
        worker.start()
        worker.wait_until_healthy()
        for process in (sending, second):
            out, said = process.communicate(timeout=120)
            assert process.returncode == 0, said
            assert '"completed"' in out
        until = time.monotonic() + BESIDE_S
        while time.monotonic() < until:
            done = world.send(random_file(tmp_path / "beside.bin", 1000), ALICE, [BOB, CAROL])
            assert ends(done.document) == {BOB: ("delivered", None), CAROL: ("delivered", None)}
    wait_until(lambda: not damage.names(world.node, EARLIER), "the old queues are deleted", 200)
    assert damage.depth(world.node, f"rollcast.parked.{SERVER}") == parked
    done = world.send(random_file(tmp_path / "after.bin", 1000), ALICE, [BOB])
    assert done.status == 0
    assert not damage.names(world.node, EARLIER)
