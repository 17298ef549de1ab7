"""Transfers on their way, in a state in which something can be done to them."""

import subprocess
from pathlib import Path

from blake3 import blake3

from rollcast import topology
from rollcast.topology import MiB
from tests.e2e import damage
from tests.e2e.world import World, random_file
from tests.people import ALICE, BOB, CAROL
from tests.waiting import wait_until

BIG = 256 * MiB
"""More than is granted while the lane of a receiver is deep: one that stands still holds the transfer."""
CHUNKS_IN_LANE = 20


class Held:
    """A big file on its way to Bob and Carol, held up because Bob stands still with a lane that fills."""

    def __init__(self, world: World, folder: Path, size: int = BIG) -> None:
        self.world = world
        world.add(ALICE)
        self.bob = world.receive(BOB)
        self.carol = world.receive(CAROL)
        self.source = random_file(folder / "big.bin", size)
        self.sending = start(world, self.source)
        wait_until(lambda: len(self._parts()) == 1, "the lane of Bob is open")
        self.lane = topology.lane(BOB, self._parts()[0].stem, "").name

    def _parts(self) -> list[Path]:
        return list((self.world.inbox(BOB) / ".rollcast").glob("*.part"))

    def wait_until_lane_fills(self) -> None:
        """Return when chunks wait that Bob does not take."""
        filled = f"{self.lane} fills"
        wait_until(lambda: damage.depth(self.world.node, self.lane) >= CHUNKS_IN_LANE, filled)
        assert self.sending.poll() is None


def start(world: World, source: Path) -> "subprocess.Popen[str]":
    """Start sending to both receivers."""
    return world.start(*world.sending(source, ALICE, [BOB, CAROL]))


def small(world: World, folder: Path) -> Path:
    """A file of some chunks, and receivers that accept it."""
    world.add(ALICE)
    world.receive(BOB)
    world.receive(CAROL)
    return random_file(folder / "small.bin", 3 * MiB + 17)


def completes(world: World, sending: "subprocess.Popen[str]", source: Path) -> None:
    """The transfer ends as if nothing had been lost."""
    out, said = sending.communicate(timeout=90)
    assert sending.returncode == 0, (out, said)
    assert '"completed"' in out
    for address in (BOB, CAROL):
        received = newest(world.inbox(address))
        assert digest(received) == digest(source), address
        received.unlink()


def said_so(process: "subprocess.Popen[str]", words: str) -> str:
    """What a process has said until these words were."""
    assert process.stderr is not None
    said = ""
    while words not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    return said


def newest(folder: Path) -> Path:
    """The file that was received last."""
    return max((p for p in folder.iterdir() if p.is_file()), key=lambda path: path.stat().st_mtime_ns)


def digest(path: Path) -> str:
    """The digest of a file."""
    return blake3().update_mmap(path).hexdigest()
