"""A sender that was killed in mid-upload goes on where it was."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from dev.processes import Program
from rollcast import topology
from tests.e2e import damage
from tests.e2e.underway import BIG, CHUNKS_IN_LANE, completes
from tests.e2e.world import World, random_file
from tests.people import ALICE, BOB, CAROL, EVE
from tests.waiting import wait_until

pytestmark = pytest.mark.long


class Killed(NamedTuple):
    """A transfer whose sender is dead, who waits for it, and the words that go on with it."""

    transfer_id: str
    source: Path
    receivers: list[Program]
    resume: tuple[str, ...]


@pytest.fixture
def killed(world: World, tmp_path: Path) -> Killed:
    """The sender of a big file that was killed while both receivers stood still, so half of it is not uploaded."""
    world.add(ALICE)
    receivers = [world.receive(address) for address in (BOB, CAROL)]
    source = random_file(tmp_path / "big.bin", BIG)
    before = set(_records(world))
    sending = world.start(*world.sending(source, ALICE, [BOB, CAROL]))
    with ExitStack() as standing_still:
        wait_until(lambda: len(_parts(world)) == 2, "the lanes are open")
        for receiver in receivers:
            standing_still.enter_context(damage.stopped(receiver.pid))
        (record,) = set(_records(world)) - before
        lanes = [topology.lane(address, record.stem, "").name for address in (BOB, CAROL)]
        wait_until(lambda: all(_fills(world, lane) for lane in lanes), "the lanes fill")
        sending.kill()
        sending.communicate()
        assert len(list(_spooled(world, record.stem))) < BIG // topology.MiB
    return Killed(record.stem, source, receivers, ("send", "--resume", record.stem, "--json"))


def test_a_killed_sender_goes_on(world: World, killed: Killed) -> None:
    """Everybody gets the file whole, and nobody is asked a second time."""
    sending = world.start(*killed.resume)
    assert sending.stderr is not None
    while "receiver list: 2 accepted" not in (line := sending.stderr.readline()):
        assert line
    completes(world, sending, killed.source)
    assert [receiver.tail(100_000).count('"asked"') for receiver in killed.receivers] == [1, 1]
    done = world.run("status", killed.transfer_id, "--as", ALICE, "--json")
    assert (done.status, done.document["list_version"]) == (0, 1)
    again = world.run(*killed.resume)
    assert (again.status, again.document["error"]["code"]) == (2, "no_record"), again.said


def test_the_file_changed_meanwhile(world: World, killed: Killed) -> None:
    """It is said what changed, and what can be done; with the file as it was the transfer goes on."""
    content, source = killed.source.read_bytes(), killed.source
    for changed, said in [
        (bytes([content[0] ^ 1]) + content[1:], "its content is another"),
        (content[:-1], f"and had {BIG}"),
        (None, "does not exist"),
    ]:
        source.unlink() if changed is None else source.write_bytes(changed)
        done = world.run(*killed.resume)
        assert done.status == 2, done.said
        assert said in done.document["error"]["message"]
        assert f"rollcast cancel {killed.transfer_id}" in done.document["error"]["hint"]
    source.write_bytes(content)
    completes(world, world.start(*killed.resume), source)


def test_a_transfer_that_has_ended(world: World, killed: Killed) -> None:
    """The report is printed as usual, without the file; other words beside the id are wrong usage."""
    assert world.run("cancel", killed.transfer_id).status == 0
    killed.source.unlink()
    done = world.run(*killed.resume)
    assert (done.status, done.document["state"]) == (1, "cancelled")
    done = world.run(*killed.resume, "--to", BOB)
    assert (done.status, "--to" in done.said) == (2, True)
    done = world.run(*killed.resume, "--as", EVE)
    assert (done.status, f"sent by {ALICE}" in done.said) == (2, True)


def test_nothing_is_kept_of_it(world: World, tmp_path: Path) -> None:
    """Another home does not know the transfer, and says what to do."""
    world.add(ALICE)
    done = world.run("send", "--resume", "0" * 32, "--as", ALICE, "--json", ROLLCAST_HOME=str(tmp_path))
    assert (done.status, done.document["error"]["code"]) == (2, "no_record"), done.said
    assert "ROLLCAST_HOME" in done.document["error"]["hint"]


def _fills(world: World, lane: str) -> bool:
    return damage.depth(world.node, lane) >= CHUNKS_IN_LANE


def _records(world: World) -> list[Path]:
    return list((world.running.home / "transfers").glob("*.json"))


def _parts(world: World) -> list[Path]:
    return [part for address in (BOB, CAROL) for part in (world.inbox(address) / ".rollcast").glob("*.part")]


def _spooled(world: World, transfer_id: str) -> Iterator[Path]:
    (server,) = world.running.servers.values()
    return server.spool.glob(f"{transfer_id}/*")
