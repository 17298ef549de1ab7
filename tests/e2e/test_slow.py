"""Receivers that are slow, stuck or absent cost the others nothing, and get their file when they are back."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dev.broker import private_node
from dev.gauge import Gauge
from rollcast.topology import MiB
from tests.e2e import damage
from tests.e2e.standing import Standing
from tests.e2e.underway import Held, completes, digest, said_so
from tests.e2e.world import World, deployed, random_file
from tests.people import ACME, ALICE, BOB, CAROL, ERIN
from tests.waiting import wait_until

pytestmark = pytest.mark.long

LANE = 256 * MiB
"""What a lane holds at the most."""
OVERFLOWING = LANE + 64 * MiB
"""A file that does not fit into a lane."""
LIMIT = "512MB"
"""Memory of a broker that has no room for a lane beside what its work needs: that is up to 390 MB, with what Erlang
keeps in reserve."""
OTHERS = [f"dave@{ACME}", ERIN, f"fred@{ACME}"]


@pytest.fixture
def connections() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as stack:
        yield stack


@contextmanager
def _sending(world: World, source: Path, receivers: Sequence[str]) -> Iterator["subprocess.Popen[str]"]:
    """A sender that is still waiting for its report at the end of the block."""
    world.add(ALICE)
    process = world.start(*world.sending(source, ALICE, receivers))
    try:
        yield process
        assert process.poll() is None, process.communicate()
    finally:
        process.kill()
        process.communicate()


def _get(world: World, addresses: Sequence[str], source: Path) -> None:
    """Receivers get the file whole; under its name it appears only so."""
    files = [world.inbox(address) / source.name for address in addresses]
    wait_until(lambda: all(file.exists() for file in files), "the others have the file")
    assert {digest(file) for file in files} == {digest(source)}


def test_two_of_three_that_stand_still_do_not_hold_up_the_third(
    world: World, tmp_path: Path, connections: ExitStack
) -> None:
    """Though they are connected and consume their lanes, and most lanes are deep."""
    world.receive(CAROL)
    stuck = [Standing(world, connections, address) for address in OTHERS[:2]]
    source = random_file(tmp_path / "two-of-three.bin", OVERFLOWING + 128 * MiB)
    with _sending(world, source, [*OTHERS[:2], CAROL]):
        for receiver in stuck:
            receiver.accept()
        lanes = [receiver.take_lane() for receiver in stuck]
        _get(world, [CAROL], source)
        assert [damage.consumers(world.node, lane) for lane in lanes] == [1, 1]


def test_a_receiver_that_stood_still_gets_its_file(world: World, tmp_path: Path) -> None:
    """The other one has it by then; what its lane has dropped meanwhile is repaired."""
    repaired = world.metric("rollcast_chunks_repaired_total")
    held = Held(world, tmp_path, OVERFLOWING)
    with damage.stopped(held.bob.pid):
        _get(world, [CAROL], held.source)
        said_so(held.sending, "1 of 2 receivers stored it all")
        assert held.sending.poll() is None
    completes(world, held.sending, held.source)
    assert world.metric("rollcast_chunks_repaired_total") > repaired


def test_a_receiver_that_was_away_gets_its_file(world: World, tmp_path: Path) -> None:
    """The other one has it by then, and its lane is gone: as if nobody had consumed it for a quarter of an hour."""
    repaired = world.metric("rollcast_chunks_repaired_total")
    held = Held(world, tmp_path)
    held.bob.kill()
    _get(world, [CAROL], held.source)
    damage.delete(world.node, held.lane)
    assert held.sending.poll() is None
    world.receive(BOB)
    completes(world, held.sending, held.source)
    assert world.metric("rollcast_chunks_repaired_total") > repaired


def test_a_stuck_receiver_does_not_fill_the_broker(tmp_path: Path, connections: ExitStack) -> None:
    """Its lane is bounded, and on disk: no alarm stops the publishers, and the others get their file."""
    source = random_file(tmp_path / "big.bin", OVERFLOWING)
    with (
        private_node(tmp_path / "broker", LIMIT) as node,
        deployed(tmp_path, node) as world,
        Gauge(node) as gauge,
    ):
        for address in OTHERS:
            world.receive(address)
        stuck = Standing(world, connections, BOB)
        with _sending(world, source, [BOB, *OTHERS]):
            stuck.accept()
            lane = stuck.take_lane()
            _get(world, OTHERS, source)
            wait_until(lambda: gauge.lane > LANE - 32 * MiB, "it is seen that the lane is full")
            assert damage.depth(node, lane) * MiB <= LANE
    assert not gauge.alarmed, gauge.memory
    assert gauge.lane <= LANE
