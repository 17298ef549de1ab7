"""A store without room: what cannot be stored waits, and the transfer goes on when there is room again."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev.broker import Broker
from dev.deployment import deployment
from rollcast.topology import MiB
from tests.e2e.underway import ALICE, BOB, CAROL, completes, small
from tests.e2e.world import World, clean, wait_until

ROOM = 8 * MiB


@contextmanager
def _mounted(folder: Path) -> Iterator[Path]:
    """A file system of its own, which is full soon. Only root can make one."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system")
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", str(folder)], check=False)
    if done.returncode:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("root may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_the_store_is_full_for_a_while(tmp_path: Path, node: Broker) -> None:
    """Chunks go round ever more seldom meanwhile; nobody has to do anything but make room."""
    clean(node)
    with (
        _mounted(tmp_path / "spool") as spool,
        deployment(tmp_path, node, environment={"ROLLCAST_SPOOL": f"file://{spool}"}) as running,
    ):
        world = World(running, node, tmp_path)
        (worker,) = running.workers
        ballast = spool / "ballast"
        ballast.write_bytes(bytes(ROOM - MiB))
        source = small(world, tmp_path)
        # Eager, so that all goes through the spool.
        sending = world.start(*world.sending(source, ALICE, [BOB, CAROL], "--upload", "eager"))
        wait_until(lambda: _given_back(worker.log) >= 3, "chunks do not fit")
        assert "No space left" in worker.tail(10_000)
        assert sending.poll() is None
        ballast.unlink()
        completes(world, sending, source)
        assert _given_back(worker.log) < 10
        world.close()


def _given_back(log: Path) -> int:
    return log.read_text().count("gives chunks back")
