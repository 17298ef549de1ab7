"""Processes that die or are replaced while a file is on its way, on either side."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.broker import Broker
from rollcast import topology
from tests.e2e import damage
from tests.e2e.underway import BIG, CHUNKS_IN_LANE, Held, completes
from tests.e2e.world import World, deployed, random_file
from tests.people import ALICE, BOB
from tests.waiting import wait_until

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory, node: Broker) -> Iterator[World]:
    """Two worker processes that both have all pools."""
    folder = tmp_path_factory.mktemp("twice")
    with deployed(folder, node, copies=2) as made:
        yield made


def test_a_receiver_is_killed(twice: World, tmp_path: Path) -> None:
    """What it had is not lost: started again, it goes on and gets the file whole."""
    held = Held(twice, tmp_path)
    with damage.stopped(held.bob.pid):
        held.wait_until_lane_fills()
    held.bob.kill()
    (part,) = (twice.inbox(BOB) / ".rollcast").glob("*.part")
    assert not (twice.inbox(BOB) / held.source.name).exists()
    bob = twice.receive(BOB)
    completes(twice, held.sending, held.source)
    assert bob.tail(10_000).count('"delivered"') == 1
    assert not part.exists()


def test_a_sender_is_killed(twice: World, tmp_path: Path) -> None:
    """Without it nobody gets the file; the transfer ends by its expiry, and leaves nothing behind."""
    twice.add(ALICE)
    bob = twice.receive(BOB)
    source = random_file(tmp_path / "abandoned.bin", BIG)
    words = twice.sending(source, ALICE, [BOB], "--consent-timeout", "8s", "--expires", "12s")
    sending = twice.start(*words)
    parts = twice.inbox(BOB) / ".rollcast"
    wait_until(lambda: len(list(parts.glob("*.part"))) == 1, "the lane is open")
    transfer_id = next(parts.glob("*.part")).stem
    lane = topology.lane(BOB, transfer_id, "").name
    with damage.stopped(bob.pid):
        wait_until(lambda: damage.depth(twice.node, lane) >= CHUNKS_IN_LANE, "the lane fills")
        sending.kill()
        sending.communicate()
    status = ("status", transfer_id, "--json")
    wait_until(lambda: twice.run(*status).document["state"] == "expired", "the transfer has ended")
    done = twice.run(*status)
    assert (done.status, done.document["reason"]) == (1, "upload_incomplete")
    assert done.document["receivers"][0]["disposition"] == "expired"
    wait_until(lambda: '"ended"' in bob.tail(10_000), "the receiver is told")
    wait_until(lambda: not list(parts.glob("*.part")), "the receiver keeps no part of it")
    assert not (twice.inbox(BOB) / source.name).exists()
    (server,) = twice.running.servers.values()
    wait_until(lambda: not (server.spool / transfer_id).exists(), "the spool is empty again")
    wait_until(lambda: lane not in damage.names(twice.node, "rollcast.lane."), "the lane is gone")


def test_workers_are_replaced_one_by_one(twice: World, tmp_path: Path) -> None:
    """Told to end they end well, and what they had in hand is done by the others."""
    held = Held(twice, tmp_path)
    with damage.stopped(held.bob.pid):
        held.wait_until_lane_fills()
        for worker in twice.running.workers:
            worker.stop()
            assert worker.returncode == 0, worker.tail()
            worker.start()
            worker.wait_until_healthy()
    completes(twice, held.sending, held.source)


def test_the_other_worker_goes_on(twice: World, tmp_path: Path) -> None:
    """One of two is killed for good, and nobody has to do anything about it."""
    held = Held(twice, tmp_path)
    dead, _ = twice.running.workers
    with damage.stopped(held.bob.pid):
        held.wait_until_lane_fills()
        dead.kill()
    try:
        completes(twice, held.sending, held.source)
    finally:
        dead.start()
        dead.wait_until_healthy()
