"""What one step of a transfer loses, the others say to it again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.broker import Broker
from dev.deployment import Worker
from rollcast.topology import POOLS
from tests.e2e import damage
from tests.e2e.underway import BIG, CHUNKS_IN_LANE, completes, small, start
from tests.e2e.world import World, deployed, random_file
from tests.people import SERVER
from tests.waiting import wait_until

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory, node: Broker) -> Iterator[World]:
    """A world with each pool in a process of its own."""
    folder = tmp_path_factory.mktemp("pools")
    with deployed(folder, node, pools=POOLS) as made:
        yield made


def pool(world: World, name: str) -> Worker:
    """The process of a pool."""
    (worker,) = (worker for worker in world.running.workers if worker.pools == (name,))
    return worker


def test_the_spool_queue_is_deleted(pools: World, tmp_path: Path) -> None:
    """Chunks that were lost before they came into the spool are uploaded again."""
    small(pools, tmp_path)
    source = random_file(tmp_path / "big.bin", BIG)
    queue = f"rollcast.spool.{SERVER}"
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
    worker, queue = pool(pools, step), f"rollcast.step2.{SERVER}.{step}"
    worker.kill()
    sending = start(pools, source)
    wait_until(lambda: damage.depth(pools.node, queue) > 0, f"messages wait in {queue}")
    assert damaged(pools.node, queue) > 0
    worker.start()
    worker.wait_until_healthy()
    completes(pools, sending, source)
