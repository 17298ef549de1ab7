"""A broker that is low on memory takes nothing from anybody; transfers wait, and none fails for it."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dev.broker import MEMORY, Node
from tests.e2e import damage
from tests.e2e.raw import sample
from tests.e2e.underway import Held, completes, said_so
from tests.e2e.world import World, random_file
from tests.people import ALICE, BOB
from tests.waiting import wait_until

pytestmark = pytest.mark.long

PAUSED = "the broker takes nothing at present: it is low on memory or disk"
GiB = 1024**3
BLOCKED_FOR_S = 35.0
"""More than a publish waits for its confirm, and a registration for its answer."""


@pytest.fixture(scope="module")
def world(world_apart: World) -> World:
    """A deployment whose broker may be starved."""
    return world_apart


@contextmanager
def low_on_memory(node: Node) -> Iterator[None]:
    """Raise the memory alarm."""
    node.allow_memory("1MB")
    try:
        yield
    finally:
        node.allow_memory(MEMORY)


def _stays(process: "subprocess.Popen[str]", seconds: float) -> None:
    """The process runs for so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.1)


def test_before_anything_is_sent(world: World, tmp_path: Path) -> None:
    """It is said once; when the alarm is lifted the file goes as if nothing had been."""
    world.add(ALICE)
    world.receive(BOB)
    source = random_file(tmp_path / "early.bin", 1000)
    with low_on_memory(world.own_node):
        sending = world.start(*world.sending(source, ALICE, [BOB]))
        said_so(sending, PAUSED)
        _stays(sending, BLOCKED_FOR_S)
    out, said = sending.communicate(timeout=60)
    assert sending.returncode == 0, said
    assert '"completed"' in out
    assert PAUSED not in said


def test_during_the_upload(world: World, tmp_path: Path) -> None:
    """The upload waits, and goes on where it was."""
    held = Held(world, tmp_path)
    with ExitStack() as alarm:
        with damage.stopped(held.bob.pid):
            held.wait_until_lane_fills()
            alarm.enter_context(low_on_memory(world.own_node))
        said_so(held.sending, PAUSED)
        _stays(held.sending, BLOCKED_FOR_S)
    completes(world, held.sending, held.source)


def test_a_question_is_not_held_up(world: World) -> None:
    """Who asks is told after a while why there is no answer."""
    world.add(ALICE)
    with low_on_memory(world.own_node):
        done = world.run("list", "--as", ALICE, "--json")
    assert (done.status, done.document["error"]["code"]) == (4, "broker_blocked"), done.said


def test_workers_tell_that_they_are_blocked(world: World, tmp_path: Path) -> None:
    """In their metrics, for as long as it lasts, from the next thing on that they have to say."""
    world.add(ALICE)
    bob = world.receive(BOB)
    blocked = "rollcast_connection_blocked"
    with damage.stopped(bob.pid):
        sending = world.start(*world.sending(random_file(tmp_path / "asked.bin", 1000), ALICE, [BOB]))
        wait_until(lambda: sample(world, "rollcast_receivers", state="asked") == 1, "Bob is asked")
        assert world.metric(blocked) == 0
        with low_on_memory(world.own_node):
            wait_until(lambda: world.metric(blocked) > 0, "the clock cannot ask again")
    wait_until(lambda: world.metric(blocked) == 0, "nothing is blocked any more")
    out, said = sending.communicate(timeout=60)
    assert sending.returncode == 0, (out, said)


def test_ctrl_c_leaves(world: World, tmp_path: Path) -> None:
    """Nothing can be taken back at present, and that is said."""
    world.add(ALICE)
    with low_on_memory(world.own_node):
        sending = world.start(*world.sending(random_file(tmp_path / "a.bin", 10), ALICE, [BOB]))
        said_so(sending, PAUSED)
        sending.send_signal(signal.SIGINT)
        out, said = sending.communicate(timeout=30)
    assert sending.returncode == 130, said
    assert "not confirmed yet" in out


def test_ctrl_c_during_the_upload_leaves(world: World, tmp_path: Path) -> None:
    """What the broker does not take any more is not waited for."""
    world.add(ALICE)
    world.receive(BOB)
    source = tmp_path / "sparse.bin"
    source.touch()
    os.truncate(source, GiB)
    sending = world.start(*world.sending(source, ALICE, [BOB]))
    wait_until(lambda: any(world.inbox(BOB).glob(".rollcast/*.part")), "chunks come")
    with low_on_memory(world.own_node):
        said_so(sending, PAUSED)
        sending.send_signal(signal.SIGINT)
        out, said = sending.communicate(timeout=30)
    assert sending.returncode == 130, said
    assert "not confirmed yet" in out
