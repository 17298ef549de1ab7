"""A transfer that is taken back takes its parts with it, wherever they are."""

import json
import signal
from pathlib import Path

import pytest

from tests.e2e import damage
from tests.e2e.underway import Held
from tests.e2e.world import World, ends, random_file
from tests.people import ALICE, BOB, CAROL, EVE
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def world(world_of_two: World) -> World:
    """Bob is at home where Alice is, Carol is not."""
    return world_of_two


def _parts(world: World) -> list[Path]:
    return [part for address in (BOB, CAROL) for part in (world.inbox(address) / ".rollcast").glob("*.part")]


def _leaves_nothing(world: World, source: Path, transfer_id: str) -> None:
    """No receiver has a part of it, nor has the spool."""
    wait_until(lambda: not _parts(world), "the receivers keep no part of it")
    assert [(world.inbox(address) / source.name).exists() for address in (BOB, CAROL)] == [False, False]
    spools = [server.spool / transfer_id for server in world.running.servers.values()]
    wait_until(lambda: not any(spool.exists() for spool in spools), "the spool is empty again")


def test_from_another_terminal(world: World, tmp_path: Path) -> None:
    """The receivers remove what they have, the sender that waits is told, and both see the same report."""
    held = Held(world, tmp_path)
    transfer_id = _parts(world)[0].stem
    with damage.stopped(held.bob.pid), damage.stopped(held.carol.pid):
        held.wait_until_lane_fills()
        cancelling = world.start("cancel", transfer_id, "--as", ALICE, "--json")
        wait_until(lambda: _is_taken_back(world, transfer_id), "the cancellation is there")
    out, said = cancelling.communicate(timeout=90)
    assert cancelling.returncode == 0, said
    document = json.loads(out)
    assert (document["state"], document["reason"]) == ("cancelled", "cancelled")
    assert ends(document) == {BOB: ("cancelled", "cancelled"), CAROL: ("cancelled", "cancelled")}
    sent, said = held.sending.communicate(timeout=30)
    assert held.sending.returncode == 1, said
    assert json.loads(sent) == document
    _leaves_nothing(world, held.source, transfer_id)
    once_more = world.run("cancel", transfer_id, "--as", ALICE, "--json")
    assert (once_more.status, once_more.document) == (0, document)


@pytest.mark.long
def test_a_receiver_is_silent(world: World, tmp_path: Path) -> None:
    """It is waited for, not for ever; what it has is removed when it comes back."""
    held = Held(world, tmp_path)
    transfer_id = _parts(world)[0].stem
    with damage.stopped(held.bob.pid):
        with damage.stopped(held.carol.pid):
            held.wait_until_lane_fills()
            cancelling = world.start("cancel", transfer_id, "--json")
            wait_until(lambda: _is_taken_back(world, transfer_id), "the cancellation is there")
        out, said = cancelling.communicate(timeout=90)
        assert cancelling.returncode == 0, said
        silent = {BOB: ("cancelled", "unconfirmed"), CAROL: ("cancelled", "cancelled")}
        assert ends(json.loads(out)) == silent
        held.sending.communicate(timeout=30)
    _leaves_nothing(world, held.source, transfer_id)


@pytest.mark.parametrize("option", ["live", "eager"])
def test_ctrl_c_in_the_middle(world: World, tmp_path: Path, option: str) -> None:
    """The transfer ends within seconds, and standard output has its report."""
    world.add(ALICE)
    bob = world.receive(BOB)
    world.receive(CAROL)
    source = random_file(tmp_path / "interrupted.bin", 256_000_000)
    sending = world.start(*world.sending(source, ALICE, [BOB, CAROL], "--upload", option))
    wait_until(lambda: '"opened"' in bob.tail(10_000), "the lane is open")
    sending.send_signal(signal.SIGINT)
    out, said = sending.communicate(timeout=15)
    assert sending.returncode == 130, said
    document = json.loads(out)
    assert (document["state"], document["reason"]) == ("cancelled", "cancelled")
    assert {end for end, _ in ends(document).values()} == {"cancelled"}
    _leaves_nothing(world, source, document["transfer_id"])


def test_too_late(world: World, tmp_path: Path) -> None:
    """What was delivered stays delivered: status 1, and the report that there is."""
    world.add(ALICE)
    world.receive(BOB)
    source = random_file(tmp_path / "quick.bin", 1000)
    sent = world.send(source, ALICE, [BOB])
    done = world.run("cancel", sent.document["transfer_id"], "--as", ALICE, "--json")
    assert (done.status, done.document) == (1, sent.document)
    assert (world.inbox(BOB) / source.name).read_bytes() == source.read_bytes()


def test_some_have_it_already(world: World, tmp_path: Path) -> None:
    """It was cancelled as asked: they keep it, and nobody else gets it."""
    held = Held(world, tmp_path)
    transfer_id = _parts(world)[0].stem
    with damage.stopped(held.bob.pid):
        wait_until((world.inbox(CAROL) / held.source.name).exists, "Carol has it")
        wait_until(lambda: _delivered(world, transfer_id) == [CAROL], "the server knows it")
        cancelling = world.start("cancel", transfer_id, "--as", ALICE, "--json")
        wait_until(lambda: _is_taken_back(world, transfer_id), "the cancellation is there")
    out, said = cancelling.communicate(timeout=90)
    assert cancelling.returncode == 0, said
    document = json.loads(out)
    assert (document["state"], document["reason"]) == ("partial", "cancelled")
    assert ends(document) == {BOB: ("cancelled", "cancelled"), CAROL: ("delivered", None)}
    held.sending.communicate(timeout=30)
    (world.inbox(CAROL) / held.source.name).unlink()
    _leaves_nothing(world, held.source, transfer_id)


def _delivered(world: World, transfer_id: str) -> list[str]:
    document = world.run("status", transfer_id, "--json").document
    return [address for address, (state, _) in ends(document).items() if state == "delivered"]


def _is_taken_back(world: World, transfer_id: str) -> bool:
    document = world.run("status", transfer_id, "--json").document
    return bool(document["reason"] == "cancelled")


@pytest.mark.parametrize("sender", [ALICE, EVE])
def test_not_ones_own(world: World, tmp_path: Path, sender: str) -> None:
    """Neither of what is not there nor of what is another's is anything told."""
    world.add(ALICE, EVE)
    transfer_id = "0" * 32
    if sender == EVE:
        world.receive(BOB)
        transfer_id = world.send(random_file(tmp_path / "a.bin", 10), ALICE, [BOB]).document["transfer_id"]
    done = world.run("cancel", transfer_id, "--as", sender, "--json")
    assert (done.status, done.document["error"]["code"]) == (3, "no_such_transfer"), done.said
