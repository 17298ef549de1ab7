"""Commands whose broker hangs, or is not there yet."""

import json
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from dev import management
from tests.e2e import damage
from tests.e2e.test_command_signals import LEAVES_WITHIN_S, SILENT, asking
from tests.e2e.watched import Watched
from tests.e2e.world import World, random_file
from tests.people import ALICE, BOB, CAROL
from tests.waiting import wait_until

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def world(world_apart: World) -> World:
    """A deployment whose broker may be stopped."""
    return world_apart


@pytest.mark.parametrize("presses", [1, 2])
def test_a_broker_that_hangs_holds_nobody(world: World, tmp_path: Path, presses: int) -> None:
    """Ctrl-C does not wait for it for long; a second one not at all."""
    world.add(ALICE)
    world.receive(SILENT).stop()
    process = asking(world, random_file(tmp_path / "a.bin", 10))
    with damage.stopped(world.own_node.pid):
        process.send_signal(signal.SIGINT)
        if presses == 2:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
            process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=LEAVES_WITHIN_S)
    assert process.returncode == 130
    error = json.loads(out)["error"]
    assert error["code"] == "interrupted"
    assert "not confirmed yet" in error["message"]
    assert "rollcast cancel" in error["hint"]


def test_a_broker_that_is_away_is_waited_for(world: World, tmp_path: Path) -> None:
    """At the start, which says so, and when connections are lost later."""
    world.receive(BOB)
    world.receive(CAROL)
    watched = Watched(world, tmp_path / "drop", ALICE, [BOB, CAROL])
    first = watched.put("first.bin", b"1")
    with damage.stopped(world.own_node.pid):
        watched.process.start()
        wait_until(lambda: "no broker answers" in watched.said(), "it is said")
        assert watched.said().count("; waiting") == 1
    watched.wait_for(("first.bin", "completed"))
    management.delete(world.node.management_url, f"/api/connections/username/{quote(ALICE)}")
    second = watched.put("second.bin", b"2")
    watched.wait_for(("first.bin", "completed"), ("second.bin", "completed"))
    watched.check_received(first, second)
    watched.process.stop()
