"""Whatever is lost on the way, the transfer completes and every byte arrives."""

from pathlib import Path

import pytest

from dev.broker import private_node
from rollcast import topology
from rollcast.messages import UploadInvited
from tests.e2e import damage
from tests.e2e.underway import Held, completes, small, start
from tests.e2e.world import World, deployed
from tests.people import ALICE, BOB, SERVER
from tests.waiting import wait_until

pytestmark = pytest.mark.long


def test_a_lane_is_purged(world: World, tmp_path: Path) -> None:
    """Chunks that were thrown out of one lane are repaired from the spool."""
    repaired = world.metric("rollcast_chunks_repaired_total")
    held = Held(world, tmp_path)
    with damage.stopped(held.bob.pid):
        held.wait_until_lane_fills()
        lost = damage.purge(world.node, held.lane)
    assert lost > 0
    completes(world, held.sending, held.source)
    assert world.metric("rollcast_chunks_repaired_total") >= repaired + lost


def test_a_lane_is_deleted(world: World, tmp_path: Path) -> None:
    """A lane that is gone is declared again, and what it held is repaired."""
    repaired = world.metric("rollcast_chunks_repaired_total")
    held = Held(world, tmp_path)
    with damage.stopped(held.bob.pid):
        held.wait_until_lane_fills()
        lost = damage.delete(world.node, held.lane)
    assert lost > 0
    completes(world, held.sending, held.source)
    assert world.metric("rollcast_chunks_repaired_total") >= repaired + lost


def test_a_step_queue_is_deleted_before_the_invitation(world: World, tmp_path: Path) -> None:
    """The workers declare the queue of their step again, and whoever was not invited is invited again."""
    source = small(world, tmp_path)
    damage.delete(world.node, f"rollcast.step2.{SERVER}.s240")
    completes(world, start(world, source), source)


def test_a_sender_does_not_get_its_messages(world: World, tmp_path: Path) -> None:
    """What a sender is invited to upload is said again when the invitation was lost."""
    source = small(world, tmp_path)
    bob = world.receive(BOB)
    with damage.stopped(bob.pid):
        prefix = f"rollcast.inbox.{ALICE}."
        before = damage.names(world.node, prefix)
        sending = start(world, source)
        wait_until(lambda: len(damage.names(world.node, prefix)) > len(before), "the sender has an inbox")
        (inbox,) = set(damage.names(world.node, prefix)) - set(before)
        key = inbox.removeprefix("rollcast.inbox.")
        diversion = damage.Diversion(world.node, topology.DOWN, key, inbox)
        diversion.begin()
    wait_until(lambda: diversion.took(UploadInvited), "the invitation is lost")
    diversion.end()
    completes(world, sending, source)


def test_a_worker_is_killed(world: World, tmp_path: Path) -> None:
    """A worker that died in mid-transfer goes on from its ledger and spool."""
    held = Held(world, tmp_path)
    (worker,) = world.running.workers
    with damage.stopped(held.bob.pid):
        held.wait_until_lane_fills()
        worker.kill()
    worker.start()
    worker.wait_until_healthy()
    completes(world, held.sending, held.source)


def test_the_broker_is_killed(tmp_path: Path) -> None:
    """A broker that died in mid-transfer and came back finds everyone ready to go on."""
    with private_node(tmp_path / "broker") as node, deployed(tmp_path, node) as world:
        held = Held(world, tmp_path)
        with damage.stopped(held.bob.pid):
            held.wait_until_lane_fills()
            node.kill()
        node.start()
        completes(world, held.sending, held.source)
