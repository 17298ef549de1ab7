"""A receiver that takes chunks and acknowledges none is cut off, and may come back; the others notice nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dev.broker import private_node
from rollcast.topology import MiB
from tests.contract.raw_amqp import Closed
from tests.e2e import damage
from tests.e2e.silent import Silent
from tests.e2e.underway import completes, digest, start
from tests.e2e.world import World, deployed, random_file
from tests.people import ACME, ALICE, BOB, CAROL, GLOBEX
from tests.waiting import wait_until
from workers.broker.management import Management
from workers.watchdog import MUCH, REASON, Patience, Watchdog

pytestmark = pytest.mark.long

SIZE = MUCH + 16 * MiB
LIMIT = "400MB"
"""Memory of a broker."""
TOO_BIG = 512 * MiB
"""More than that. What is taken and not acknowledged is in memory."""
FOR_LONG, NOT_AT_ALL = Patience(3600.0, 3600.0), Patience(0.0, 0.0)


@pytest.fixture
def connections() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as stack:
        yield stack


def test_who_acknowledges_nothing_is_cut_off_and_may_go_on(
    world: World, tmp_path: Path, connections: ExitStack
) -> None:
    """It stays on the list, and gets its file once it registers again and acknowledges what it takes."""
    world.add(ALICE)
    world.receive(CAROL)
    silent = Silent(world, connections, BOB)
    source = random_file(tmp_path / "silent.bin", SIZE)
    sending = start(world, source)
    transfer_id = silent.accept()
    silent.take(SIZE // MiB)
    _look(world, FOR_LONG)
    assert damage.names(world.node, silent.lane) == [silent.lane]
    wait_until(
        lambda: _cut_off(world, silent.lane), "the broker tells what it holds, and the lane is deleted"
    )
    with pytest.raises(Closed, match=REASON):
        silent.listen()
    assert _disposition(world, transfer_id) == "receiving"
    world.receive(BOB)
    completes(world, sending, source)


def test_who_takes_all_does_not_stop_the_others(tmp_path: Path, connections: ExitStack) -> None:
    """On a broker that has no room for what it takes: the worker cuts it off as soon as that is seen."""
    source = random_file(tmp_path / "too-big.bin", TOO_BIG)
    with private_node(tmp_path / "broker", LIMIT) as node, deployed(tmp_path, node) as world:
        world.receive(CAROL)
        silent = Silent(world, connections, BOB)
        sending = start(world, source)
        silent.accept()
        silent.take(1)
        with pytest.raises(Closed, match=REASON):
            silent.listen()
        received = world.inbox(CAROL) / source.name
        wait_until(received.exists, "the other one has the file")
        assert digest(received) == digest(source)
        assert world.metric("rollcast_lanes_cut_off_total") == 1
        sending.kill()
        sending.communicate()


def _cut_off(world: World, lane: str) -> bool:
    _look(world, NOT_AT_ALL)
    return lane not in damage.names(world.node, lane)


def _look(world: World, patience: Patience) -> None:
    """Let a watchdog of this patience look, as a worker of the clock does."""

    async def look() -> None:
        async with Management(world.node.management_url, world.node.vhost) as management:
            await Watchdog([ACME, GLOBEX], management, patience).look()

    asyncio.run(look())


def _disposition(world: World, transfer_id: str) -> str:
    document = world.run("status", transfer_id, "--as", ALICE, "--json").document
    return next(str(one["disposition"]) for one in document["receivers"] if one["address"] == BOB)
