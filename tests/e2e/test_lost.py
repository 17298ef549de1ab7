"""Whatever is lost on the way, the transfer completes and every byte arrives."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from dev.broker import Broker, private_node
from dev.deployment import Worker, deployment
from rollcast import topology
from rollcast.messages import UploadInvited
from rollcast.topology import POOLS, MiB
from tests.e2e import damage
from tests.e2e.world import World, random_file, wait_until

ALICE, BOB, CAROL = "alice@acme", "bob@acme", "carol@globex"
BIG = 256 * MiB
"""More than is granted while the lane of a receiver is deep: one that stands still holds the transfer."""
CHUNKS_IN_LANE = 20


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory, node: Broker) -> Iterator[World]:
    """A world with each pool in a process of its own."""
    folder = tmp_path_factory.mktemp("pools")
    with deployment(folder, node, pools=POOLS) as running:
        made = World(running, node, folder)
        try:
            yield made
        finally:
            made.close()


class Held:
    """A big file on its way to Bob and Carol, held up because Bob stands still with a lane that fills."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        world.add(ALICE)
        self.bob = world.receive(BOB)
        world.receive(CAROL)
        self.source = random_file(folder / "big.bin", BIG)
        self.sending = start(world, self.source)
        wait_until(lambda: len(self._parts()) == 1, "the lane of Bob is open")
        self.lane = topology.lane(BOB, self._parts()[0].stem, "").name

    def _parts(self) -> list[Path]:
        return list((self.world.inbox(BOB) / ".rollcast").glob("*.part"))

    def wait_until_lane_fills(self) -> None:
        """Return when chunks wait that Bob does not take."""
        filled = f"{self.lane} fills"
        wait_until(lambda: damage.depth(self.world.node, self.lane) >= CHUNKS_IN_LANE, filled)
        assert self.sending.poll() is None


def start(world: World, source: Path) -> "subprocess.Popen[str]":
    """Start sending to both receivers."""
    return world.start(*world.sending(source, ALICE, [BOB, CAROL]))


def small(world: World, folder: Path) -> Path:
    """A file of some chunks, and receivers that accept it."""
    world.add(ALICE)
    world.receive(BOB)
    world.receive(CAROL)
    return random_file(folder / "small.bin", 3 * MiB + 17)


def completes(world: World, sending: "subprocess.Popen[str]", source: Path) -> None:
    """The transfer ends as if nothing had been lost."""
    out, said = sending.communicate(timeout=90)
    assert sending.returncode == 0, (out, said)
    assert '"completed"' in out
    for address in (BOB, CAROL):
        received = newest(world.inbox(address))
        assert digest(received) == digest(source), address
        received.unlink()


def newest(folder: Path) -> Path:
    """The file that was received last."""
    return max((p for p in folder.iterdir() if p.is_file()), key=lambda path: path.stat().st_mtime_ns)


def digest(path: Path) -> str:
    """The digest of a file."""
    return blake3().update_mmap(path).hexdigest()


def pool(world: World, name: str) -> Worker:
    """The process of a pool."""
    (worker,) = (worker for worker in world.running.workers if worker.pools == (name,))
    return worker


def start_again(worker: Worker) -> None:
    """Start a worker in place."""
    worker.start()
    worker.wait_until_healthy()


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
    damage.delete(world.node, "rollcast.step.main.s240")
    completes(world, start(world, source), source)


def test_a_sender_does_not_get_its_messages(world: World, tmp_path: Path) -> None:
    """What a sender is invited to upload is said again when the invitation was lost."""
    held_up = small(world, tmp_path)
    bob = world.receive(BOB)
    with damage.stopped(bob.pid):
        prefix = f"rollcast.inbox.{ALICE}."
        before = damage.names(world.node, prefix)
        sending = start(world, held_up)
        wait_until(lambda: len(damage.names(world.node, prefix)) > len(before), "the sender has an inbox")
        (inbox,) = set(damage.names(world.node, prefix)) - set(before)
        key = inbox.removeprefix("rollcast.inbox.")
        diversion = damage.Diversion(world.node, topology.DOWN, key, inbox)
        diversion.begin()
    wait_until(lambda: diversion.took(UploadInvited), "the invitation is lost")
    diversion.end()
    completes(world, sending, held_up)


def test_a_worker_is_killed(world: World, tmp_path: Path) -> None:
    """A worker that died in mid-transfer goes on from its ledger and spool."""
    held = Held(world, tmp_path)
    (worker,) = world.running.workers
    with damage.stopped(held.bob.pid):
        held.wait_until_lane_fills()
        worker.kill()
    start_again(worker)
    completes(world, held.sending, held.source)


def test_the_spool_queue_is_deleted(pools: World, tmp_path: Path) -> None:
    """Chunks that were lost before they came into the spool are uploaded again."""
    small(pools, tmp_path)
    source = random_file(tmp_path / "big.bin", BIG)
    queue = "rollcast.spool.main"
    with damage.stopped(pool(pools, "spool").pid):
        sending = start(pools, source)
        wait_until(lambda: damage.depth(pools.node, queue) >= CHUNKS_IN_LANE, "chunks wait for the spool")
        assert sending.poll() is None
        assert damage.delete(pools.node, queue) > 0
    completes(pools, sending, source)


@pytest.mark.parametrize(
    ("step", "damaged"), [("s240", damage.delete), ("s270", damage.purge), ("s310", damage.purge)]
)
def test_a_step_loses_its_messages(pools: World, tmp_path: Path, step: str, damaged: damage.Damage) -> None:
    """An invitation, a committed answer, a receipt: what a step never got to see is said to it again."""
    source = small(pools, tmp_path)
    worker, queue = pool(pools, step), f"rollcast.step.main.{step}"
    worker.kill()
    sending = start(pools, source)
    wait_until(lambda: damage.depth(pools.node, queue) > 0, f"messages wait in {queue}")
    assert damaged(pools.node, queue) > 0
    start_again(worker)
    completes(pools, sending, source)


def test_the_broker_is_killed(tmp_path: Path) -> None:
    """A broker that died in mid-transfer and came back finds everyone ready to go on."""
    with private_node(tmp_path / "broker") as node, deployment(tmp_path, node) as running:
        world = World(running, node, tmp_path)
        held = Held(world, tmp_path)
        with damage.stopped(held.bob.pid):
            held.wait_until_lane_fills()
            node.kill()
        node.start()
        completes(world, held.sending, held.source)
        world.close()
