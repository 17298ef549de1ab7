"""`rollcast watch`: what appears in a folder is sent, each file once, whatever happens to the process."""

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dev import management
from rollcast.topology import MiB
from rollcast.watch.feed import AT_ONCE
from tests.e2e import damage
from tests.e2e.underway import BIG
from tests.e2e.watched import Watched
from tests.e2e.world import World, random_file
from tests.people import ALICE, BOB, CAROL, EVE
from tests.waiting import wait_until


@pytest.fixture
def watched(world: World, tmp_path: Path) -> Iterator[Watched]:
    """An empty folder whose files go from Alice to Bob and Carol, who accept."""
    for address in (BOB, CAROL):
        world.receive(address)
        for left in filter(Path.is_file, world.inbox(address).iterdir()):
            left.unlink()
    folder = Watched(world, tmp_path / "drop", ALICE, [BOB, CAROL])
    yield folder
    folder.process.stop()


def test_what_appears_is_sent(watched: Watched) -> None:
    """What was there and what comes later, an empty file too; the rest is left alone, and that is said."""
    folder = watched.folder
    before = watched.put("before.bin", b"1" * 100_000)
    (folder / "below").mkdir()
    (folder / "below" / "hidden.bin").write_bytes(b"2")
    (folder / "link").symlink_to(before)
    for unfinished in (".x", "a.part", "a.filepart", "b.TMP", "c~", "~$d.docx"):
        (folder / unfinished).write_bytes(b"3")
    watched.start()
    watched.wait_for(("before.bin", "completed"))
    later, empty = watched.put("later.bin", b"4" * 100_000), watched.put("empty", b"")
    (folder / "a.part").rename(folder / "a.bin")
    watched.wait_for(*((name, "completed") for name in ("before.bin", "later.bin", "empty", "a.bin")))
    watched.check_received(before, later, empty, folder / "a.bin")
    for line in ("below: left alone, it is a folder", "link: left alone, it is a symbolic link"):
        assert watched.said().count(line) == 1
    assert later.exists(), "what was sent stays"


def test_a_file_that_is_still_written_is_waited_for(watched: Watched) -> None:
    """However long that takes; it is sent as it is in the end, once."""
    watched.start()
    written = watched.folder / "slow.bin"
    until = time.monotonic() + 4
    with written.open("wb", buffering=0) as file:
        while time.monotonic() < until:
            file.write(os.urandom(1000))
            assert "slow.bin:" not in watched.said()
            time.sleep(0.05)
    watched.wait_for(("slow.bin", "completed"))
    watched.check_received(written)


def test_a_name_that_comes_again(watched: Watched, tmp_path: Path) -> None:
    """Other content is another file; the same content under a new time, or a new mode, is not."""
    watched.start()
    first = watched.put("daily.csv", b"monday")
    watched.wait_for(("daily.csv", "completed"))
    os.utime(first)
    first.chmod(0o640)
    watched.put("marker-1", b"1")
    watched.wait_for(("daily.csv", "completed"), ("marker-1", "completed"))
    watched.put("daily.csv", b"sunday")
    ends = [("daily.csv", "completed")] * 2 + [("marker-1", "completed")]
    watched.wait_for(*ends)
    watched.put("marker-2", b"2")
    watched.wait_for(*ends, ("marker-2", "completed"))
    contents = [random_file(tmp_path / name, 0) for name in ("monday", "sunday", "1", "2")]
    for path in contents:
        path.write_bytes(path.name.encode())
    watched.check_received(*contents)


@pytest.mark.long
@pytest.mark.parametrize("stage", [", transfer ", ": the server has it", ": completed"])
def test_each_file_once_however_often_the_watch_is_killed(watched: Watched, stage: str) -> None:
    """With `kill -9` at any stage, again and again; each receiver has each file once."""
    randomly = random.Random(stage)
    sources: list[Path] = []
    for killed in range(3):
        watched.start()
        before = watched.said().count(stage)
        for number in range(12):
            content = randomly.randbytes(randomly.randrange(200_000))
            sources.append(watched.put(f"{killed}-{number}.bin", content))
        watched.wait_until_said(stage, before + 1)
        watched.process.kill()
    watched.start()
    wait_until(lambda: {name for name, _ in watched.ends()} >= {s.name for s in sources}, "all have ended")
    last = watched.put("last", b"last")
    wait_until(lambda: ("last", "completed") in watched.ends(), "the last one has ended")
    assert "goes on as transfer" in watched.said()
    reports = {one["transfer_id"]: one["file"]["name"] for one in watched.documents()}
    assert sorted(reports.values()) == sorted(source.name for source in [*sources, last])
    watched.check_received(*sources, last)


def test_what_a_file_needs_at_the_broker_is_given_back(world: World, watched: Watched) -> None:
    """A watch runs for months; the broker bounds the channels of a terminal."""
    watched.start()
    sources = [watched.put(f"{number}.bin", b"%d" % number) for number in range(12)]
    watched.wait_for(*((source.name, "completed") for source in sources))
    wait_until(lambda: _channels(world, ALICE) == 2, "one for what is said, one for what is heard")
    watched.check_received(*sources)


def _channels(world: World, address: str) -> int:
    channels = management.call(world.node.management_url, "GET", "/api/channels?columns=user")
    return sum(channel["user"] == address for channel in channels)


def _killed_in_mid_upload(world: World, watched: Watched) -> str:
    """Kill the watch before the server has the whole of its only file; returns the transfer."""
    watched.start()
    (server,) = world.running.servers.values()
    (worker,) = server.workers
    wait_until(lambda: any(server.spool.glob("*/*")), "the upload has begun")
    with damage.stopped(worker.pid):
        watched.process.kill()
        (spooled,) = server.spool.glob("*/")
        assert len(list(spooled.iterdir())) < BIG // MiB
    assert watched.ends() == []
    return spooled.name


def test_a_watch_that_dies_in_mid_upload_goes_on(world: World, watched: Watched) -> None:
    """In the transfer that it had begun: nobody is asked again, and nothing is sent twice."""
    source = random_file(watched.folder / "big.bin", BIG)
    transfer_id = _killed_in_mid_upload(world, watched)
    watched.start()
    watched.wait_for(("big.bin", "completed"))
    watched.check_received(source)
    assert f"big.bin: goes on as transfer {transfer_id}" in watched.said()
    assert [world.receiver(a).tail(100_000).count('"asked"') for a in (BOB, CAROL)] == [1, 1]


@pytest.mark.parametrize("content", [None, b"changed"])
def test_a_file_is_not_what_it_was_when_the_watch_comes_back(
    world: World, watched: Watched, content: bytes | None
) -> None:
    """What the server does not wholly have is taken back; what is there now is sent."""
    source = random_file(watched.folder / "big.bin", BIG)
    _killed_in_mid_upload(world, watched)
    source.unlink()
    if content is not None:
        source.write_bytes(content)
    watched.start()
    watched.wait_for(("big.bin", "failed"), *[("big.bin", "completed")] * (content is not None))
    failed = next(one for one in watched.documents() if one["state"] == "failed")
    assert failed["reason"] == "source_changed"
    watched.check_received(*[source] * (content is not None))


def test_who_is_absent_holds_up_nobody(world: World, tmp_path: Path) -> None:
    """Files that the server has are out of the sender's hands: they may go, and the watch may die."""
    world.receive(BOB)
    world.receive(CAROL).stop()
    watched = Watched(world, tmp_path / "drop", ALICE, [BOB, CAROL], "--consent-timeout", "10m")
    watched.start()
    contents = [b"%d" % number for number in range(AT_ONCE + 2)]
    files = [watched.put(f"{number}.bin", content) for number, content in enumerate(contents)]
    wait_until(lambda: watched.said().count("the server has it") == len(files), "all are uploaded")
    assert watched.ends() == []
    watched.process.kill()
    kept = [file.rename(tmp_path / file.name) for file in files]
    watched.start()
    wait_until(lambda: watched.said().count("goes on as") == len(files), "all are followed")
    world.receive(CAROL)
    watched.wait_for(*((file.name, "completed") for file in files))
    watched.check_received(*kept)
    watched.process.stop()


def test_a_file_that_changes_while_it_is_sent(world: World, tmp_path: Path) -> None:
    """The transfer ends as such, nobody keeps any of it, and the file is sent as it is then."""
    receivers = [world.receive(address) for address in (BOB, CAROL)]
    watched = Watched(world, tmp_path / "drop", ALICE, [BOB, CAROL], "--upload", "live")
    source = random_file(watched.folder / "big.bin", BIG)
    watched.start()
    with ExitStack() as standing_still:
        wait_until(lambda: "2 accepted" in watched.said(), "the list is made")
        for receiver in receivers:
            standing_still.enter_context(damage.stopped(receiver.pid))
        with source.open("r+b") as file:
            file.write(b"changed")
    watched.wait_for(("big.bin", "failed"), ("big.bin", "completed"))
    watched.check_received(source)
    watched.process.stop()


def test_one_watch_at_a_time(world: World, watched: Watched, tmp_path: Path) -> None:
    """A second one is refused, by whatever way it names the folder; of another sender it is not."""
    watched.start()
    (tmp_path / "alias").symlink_to(watched.folder)
    done = world.run("watch", str(tmp_path / "alias"), "--as", ALICE, "--to", BOB, "--json")
    assert (done.status, done.document["error"]["code"]) == (2, "folder_in_use"), done.said
    other = Watched(world, watched.folder, EVE, [BOB])
    other.start()
    other.process.stop()


@pytest.mark.parametrize(("told", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_watch_is_ended(watched: Watched, told: signal.Signals, status: int) -> None:
    """As services are; nobody who is absent holds that up."""
    watched.start()
    watched.process.stop(told)
    assert watched.process.returncode == status, watched.said()
    assert "Traceback" not in watched.said()
