"""Brokers that offer other frames than RabbitMQ does by itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.broker import private_node
from tests.e2e.world import World, deployed, random_file
from tests.people import ALICE, BOB

pytestmark = pytest.mark.long


@pytest.fixture(params=[0, 4 * 1024 * 1024, 8 * 1024], ids=["no limit", "4 MiB", "8 KiB"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A server at a broker with such frames."""
    with (
        private_node(tmp_path / "broker", more={"frame_max": str(request.param)}) as node,
        deployed(tmp_path, node) as made,
    ):
        yield made


def test_a_transfer_goes_through(world: World, tmp_path: Path) -> None:
    """With chunks of many frames."""
    world.add(ALICE)
    world.receive(BOB)
    source = random_file(tmp_path / "a.bin", 5_000_000)
    done = world.send(source, ALICE, [BOB])
    assert (done.status, done.document["state"]) == (0, "completed")
    assert (world.inbox(BOB) / "a.bin").read_bytes() == source.read_bytes()
