"""A transfer that did not reach everybody is sent once more to those who were cut off, and to no one else."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e import damage
from tests.e2e.underway import Held, digest
from tests.e2e.world import Done, World, ends, random_file
from tests.people import ALICE, BOB, CAROL, DAVE, EVE, NOBODY
from tests.waiting import wait_until

SIZE = 3_000_000


@pytest.fixture(scope="module")
def world(world_of_two: World) -> World:
    """Bob and Eve are at home where Alice is, Carol and Dave are not."""
    return world_of_two


@contextmanager
def _no_room(pid: int) -> Iterator[None]:
    """A process that can write no big file."""
    unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (SIZE // 2, unlimited[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file."""
    return random_file(tmp_path / f"{tmp_path.name}.bin", SIZE)


def _sent_without_bob(world: World, source: Path) -> Done:
    """Bob could not store it, Carol has it, Dave declined, and Eve was not there."""
    world.add(ALICE)
    bob = world.receive(BOB)
    world.receive(CAROL)
    world.receive(DAVE, "--accept", "none")
    with _no_room(bob.pid):
        done = world.send(source, ALICE, [BOB, CAROL, DAVE, NOBODY])
    assert done.status == 1, done.said
    assert ends(done.document)[BOB] == ("failed", "not_stored")
    return done


def test_after_a_receivers_failure(world: World, source: Path) -> None:
    """It goes to that receiver alone, which is not asked again; who has it by now is reported."""
    first = _sent_without_bob(world, source).document
    bob = world.receive(BOB, "--accept", "none")
    done = world.run("retry", first["transfer_id"], "--json")
    assert done.status == 0, done.said
    assert done.document["retry_of"] == first["transfer_id"] != done.document["transfer_id"]
    assert ends(done.document) == {BOB: ("delivered", None)}
    assert digest(world.inbox(BOB) / source.name) == digest(source)
    assert '"asked"' not in bob.tail(100_000)
    assert len(list(world.inbox(CAROL).glob(f"{source.stem}*"))) == 1
    assert not (world.inbox(DAVE) / source.name).exists()
    for file in ([str(source)], []):
        once_more = world.run("retry", first["transfer_id"], *file, "--as", ALICE, "--json")
        assert (once_more.status, once_more.document["error"]["code"]) == (3, "not_retryable"), once_more.said
    assert f"has the file by its retry {done.document['transfer_id']}" in once_more.said


def test_from_another_place(world: World, source: Path, tmp_path: Path) -> None:
    """Where nothing is kept of it, the file and the sender are named; it must be the same file."""
    first = _sent_without_bob(world, source).document
    home = {"ROLLCAST_HOME": str(tmp_path / "home")}
    credentials = tmp_path / "home" / "credentials"
    credentials.mkdir(parents=True)
    stored = world.running.home / "credentials" / f"{ALICE}.json"
    (credentials / stored.name).write_text(stored.read_text())
    words = ("retry", first["transfer_id"])
    done = world.run(*words, "--as", ALICE, "--json", **home)
    assert (done.status, "FILE" in done.said) == (2, True), done.said
    moved = source.rename(tmp_path / "moved.bin")
    other = random_file(tmp_path / "other.bin", SIZE)
    done = world.run(*words, str(other), "--as", ALICE, "--json", **home)
    assert (done.status, "other.bin is not what it was" in done.said) == (2, True), done.said
    done = world.run(*words, str(moved), "--as", ALICE, "--json", **home)
    assert done.status == 0, done.said
    assert done.document["file"]["name"] == source.name
    assert digest(world.inbox(BOB) / source.name) == digest(moved)


def test_after_a_cancellation(world: World, tmp_path: Path) -> None:
    """Those who had accepted get it after all, without being asked."""
    held = Held(world, tmp_path)
    (part, *_) = (world.inbox(BOB) / ".rollcast").glob("*.part")
    with damage.stopped(held.bob.pid):
        held.wait_until_lane_fills()
        cancelling = world.start("cancel", part.stem, "--as", ALICE)
        status = ("status", part.stem, "--json")
        wait_until(lambda: world.run(*status).document["reason"] == "cancelled", "it is being taken back")
    cancelling.communicate(timeout=90)
    assert cancelling.returncode in {0, 1}
    held.sending.communicate(timeout=30)
    first = world.run("status", part.stem, "--json").document
    cut_off = {address for address, (state, _) in ends(first).items() if state == "cancelled"}
    assert cut_off
    done = world.run("retry", part.stem, "--as", ALICE, "--json")
    assert done.status == 0, done.said
    assert ends(done.document) == dict.fromkeys(cut_off, ("delivered", None))
    assert held.bob.tail(100_000).count('"asked"') == 1


def test_nobody_to_retry(world: World, source: Path) -> None:
    """Who has it is not sent it again, and who declined was never on the list."""
    world.add(ALICE)
    world.receive(BOB)
    world.receive(DAVE, "--accept", "none")
    for receivers in ([BOB], [DAVE]):
        first = world.send(source, ALICE, receivers).document
        done = world.run("retry", first["transfer_id"], str(source), "--as", ALICE, "--json")
        assert (done.status, done.document["error"]["code"]) == (3, "not_retryable"), done.said


def test_who_never_accepted_is_left_out(world: World, source: Path) -> None:
    """A transfer that was cancelled during the roll call has cut off somebody who was not on the list."""
    world.add(ALICE)
    world.receive(EVE).stop()
    sending = world.start(*world.sending(source, ALICE, [EVE]))
    assert sending.stderr is not None
    while "asked until" not in (line := sending.stderr.readline()):
        assert line
    transfer_id = world.run("list", "--as", ALICE, "--json").document["transfers"][0]["transfer_id"]
    assert world.run("cancel", transfer_id, "--as", ALICE).status == 0
    out, _ = sending.communicate(timeout=30)
    assert ends(json.loads(out))[EVE][0] == "cancelled"
    done = world.run("retry", transfer_id, "--json")
    assert (done.status, done.document["error"]["code"]) == (3, "not_retryable"), done.said


def test_a_transfer_that_goes_on(world: World, source: Path) -> None:
    """It is not sent twice at a time."""
    world.add(ALICE)
    world.receive(EVE).stop()
    before = set((world.running.home / "transfers").glob("*.json"))
    sending = world.start(*world.sending(source, ALICE, [EVE]))
    kept = world.running.home / "transfers"
    wait_until(lambda: set(kept.glob("*.json")) > before, "the request is kept")
    (record,) = set(kept.glob("*.json")) - before
    wait_until(lambda: world.run("status", record.stem, "--json").status == 0, "the server knows it")
    done = world.run("retry", record.stem, "--json")
    assert (done.status, done.document["error"]["code"]) == (3, "not_retryable"), done.said
    assert world.run("cancel", record.stem).status == 0
    sending.communicate(timeout=30)
