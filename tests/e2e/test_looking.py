"""What whoever looks sees of a transfer under way: `list`, `status` and `top`, on a terminal and elsewhere."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rollcast.topology import MiB
from tests.e2e import damage
from tests.e2e.screen import ALTERNATE, BACK, CURSOR, Screen, slow
from tests.e2e.world import World, random_file
from tests.people import ALICE, BOB, CAROL, EVE, NOBODY
from tests.waiting import wait_until

SIZE = 128 * MiB
RATE = 400_000
"""Bytes a second for Bob: he is seen receiving for some minutes, unless it is ended before."""


class Underway:
    """A transfer of which Carol has all, and Bob not."""

    def __init__(self, world: World, source: Path, sending: "subprocess.Popen[str]") -> None:
        self.world = world
        self.name = source.name
        self.id = ""
        self._sending = sending

    def listed(self) -> dict[str, Any]:
        """The transfer as it is listed; nothing before it is."""
        transfers = self.world.run("list", "--as", ALICE, "--json").document["transfers"]
        return next((one for one in transfers if one["file"]["name"] == self.name), {})

    def is_with_carol(self) -> bool:
        """Whether Carol has the file."""
        listed = self.listed()
        self.id = str(listed.get("transfer_id"))
        return bool(listed) and listed["counts"].get("delivered") == 1

    def receiver(self, address: str) -> dict[str, Any]:
        """A receiver as `status` tells it."""
        done = self.world.run("status", self.id, "--json")
        (found,) = (one for one in done.document["receivers"] if one["address"] == address)
        return dict(found)

    def end(self) -> None:
        """Take it back."""
        done = self.world.run("cancel", self.id, "--as", ALICE, "--json")
        assert done.status == 0, done.said
        self._sending.communicate(timeout=90)


@pytest.fixture(scope="module")
def staffed(world: World) -> Iterator[World]:
    """Alice sends, Carol accepts, and so does Bob, who is slow."""
    world.add(ALICE)
    world.receive(CAROL)
    with slow(world, BOB, RATE):
        world.receive(BOB)
        yield world


@pytest.fixture(scope="module")
def transfer(staffed: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Underway]:
    """One that many look at."""
    with _underway(staffed, tmp_path_factory.mktemp("looked") / "looked-at.bin") as made:
        yield made


@contextmanager
def _underway(world: World, source: Path) -> Iterator[Underway]:
    sending = world.start(*world.sending(random_file(source, SIZE), ALICE, [BOB, CAROL, NOBODY]))
    made = Underway(world, source, sending)
    try:
        wait_until(made.is_with_carol, "Carol has it")
        yield made
        made.end()
    finally:
        sending.kill()
        sending.communicate()


def test_bytes_are_seen_to_grow(transfer: Underway) -> None:
    """Each later look tells more of them, with a rate and the time that is left."""
    seen: list[int] = []

    def grows() -> bool:
        seen.append(transfer.receiver(BOB)["bytes"])
        return len({stored for stored in seen if stored}) >= 2

    wait_until(grows, "Bob's bytes grow")
    assert seen == sorted(seen)
    assert seen[-1] < SIZE
    wait_until(lambda: bool(transfer.receiver(BOB)["rate"]), "his rate is known")
    bob, carol = transfer.receiver(BOB), transfer.receiver(CAROL)
    assert bob["disposition"] == "receiving"
    assert bob["seconds_left"] == pytest.approx((SIZE - bob["bytes"]) / bob["rate"], abs=0.1)
    assert RATE / 8 < bob["rate"] < RATE * 8
    assert bob["moved_at"].endswith("Z")
    assert (carol["disposition"], carol["bytes"], carol["rate"]) == ("delivered", SIZE, None)


def test_a_listing_tells_what_a_transfer_waits_for(staffed: World, transfer: Underway) -> None:
    """As a table for people, with numbers for programs, and no more than are asked for."""
    listed = transfer.listed()
    assert listed["state"] == "casting"
    assert listed["counts"] == {"delivered": 1, "receiving": 1, "unknown": 1}
    assert SIZE <= listed["stored"] < 2 * SIZE
    assert listed["uploaded"] == SIZE
    out, _ = staffed.start("list", "--as", ALICE).communicate(timeout=60)
    head, first, *_ = out.splitlines()
    assert head.split()[:5] == ["transfer", "age", "file", "size", "sender"]
    for words in (transfer.id, transfer.name, "128.0 MiB", "casting 1/3", "1 receiver"):
        assert words in first
    newest = staffed.run("list", "--as", ALICE, "--limit", "1", "--json").document
    assert [one["transfer_id"] for one in newest["transfers"]] == [transfer.id]


def test_top_is_drawn_until_ctrl_c(staffed: World, transfer: Underway) -> None:
    """On a screen of its own, which is left as it was."""
    screen = Screen(staffed, ["top"], rows=40)
    for words in ("1 casting", transfer.id, "straggler", BOB):
        screen.wait_for(words)
    assert screen.seen.startswith(ALTERNATE)
    screen.interrupt()
    assert screen.end() == 130
    assert BACK in screen.seen
    assert CURSOR in screen.seen
    assert "Traceback" not in screen.seen


def test_a_server_that_falls_silent_is_waited_for(staffed: World, transfer: Underway) -> None:
    """What was seen stays there, with a word of warning, until it answers again."""
    (worker,) = staffed.running.workers
    screen = Screen(staffed, ["top"], rows=40)
    screen.wait_for(transfer.id)
    with damage.stopped(worker.pid):
        screen.wait_for("no answer for ")
        screen.seen = ""
        screen.wait_for(transfer.id)
    screen.seen = ""
    screen.wait_for("\x1b[1mrollcast top")
    screen.interrupt()
    assert screen.end() == 130


def test_top_away_from_a_terminal(staffed: World, transfer: Underway) -> None:
    """Once, in lines or as a document, with who holds the transfer up."""
    wait_until(lambda: transfer.receiver(BOB)["bytes"] > 0, "Bob receives")
    done = staffed.run("top", "--json")
    assert done.status == 0, done.said
    assert [one["transfer_id"] for one in done.document["transfers"]] == [transfer.id]
    (bob,) = done.document["stragglers"]
    assert (bob["address"], bob["transfer_id"], bob["size"]) == (BOB, transfer.id, SIZE)
    assert 0 < bob["bytes"] < SIZE
    (server,) = done.document["servers"]
    assert server["broker"]["version"] == staffed.node.version
    assert server["trouble"] is None
    assert server["queues"]["s240"]["consumers"] == 1
    out, _ = staffed.start("top").communicate(timeout=60)
    assert out.startswith("rollcast top  ")
    assert transfer.id in out


def test_nobody_sees_another_senders_transfer(staffed: World, transfer: Underway) -> None:
    """Neither live nor in lines."""
    staffed.add(EVE)
    screen = Screen(staffed, ["status", transfer.id, "--as", EVE])
    assert screen.end() == 3
    assert transfer.name not in screen.seen


def test_a_terminal_gets_a_live_table(staffed: World, tmp_path: Path) -> None:
    """Until the transfer has ended; then the report stands in its place."""
    with _underway(staffed, tmp_path / "live.bin") as transfer:
        screen = Screen(staffed, ["status", transfer.id])
        screen.wait_for(" left")
        assert f"{transfer.name}  128.0 MiB  from {ALICE}  {transfer.id}" in screen.seen
        for words in ("casting: 1/3 have it", "waits for 1 receiver", "━━", "no such account", NOBODY):
            assert words in screen.seen
    assert screen.end() == 1
    assert f"{transfer.name}, 128.0 MiB, from {ALICE}: partial, 1 of 3 have it" in screen.seen
    assert CURSOR in screen.seen
    assert ALTERNATE not in screen.seen
