"""A store without room: what cannot be stored waits, and the transfer goes on when there is room again."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from dev.broker import Broker
from rollcast.topology import MiB
from tests.e2e.disk import fill, mounted
from tests.e2e.rollcall import CHUNK, CHUNKS, FILE, request, sender
from tests.e2e.world import deployed
from tests.people import BOB
from tests.waiting import wait_until

pytestmark = pytest.mark.long

ROOM = 96 * MiB
"""What the server wants to see before it takes a transfer, and some more."""


def _given_back(log: Path) -> int:
    return log.read_text().count("gives chunks back")


def test_the_store_is_full_for_a_while(tmp_path: Path, node: Broker) -> None:
    """Chunks go round ever more seldom meanwhile; nobody has to do anything but make room."""
    with (
        mounted(tmp_path / "spool", ROOM) as spool,
        deployed(tmp_path, node, environment={"ROLLCAST_SPOOL": f"file://{spool}"}) as world,
        ExitStack() as connections,
    ):
        (worker,) = world.running.workers
        world.receive(BOB)
        alice, session = sender(world, connections)
        asked = request(session, BOB, upload="eager")
        alice.say("request", asked)
        alice.hear("UploadInvited")
        ballast = fill(spool, 2 * ROOM)
        for index in range(CHUNKS):
            alice.upload(asked["transfer_id"], index, FILE[index * CHUNK : (index + 1) * CHUNK])
        wait_until(lambda: _given_back(worker.log) >= 3, "chunks do not fit")
        assert "No space left" in worker.tail(10_000)
        ballast.unlink()
        assert alice.hear("TransferReported")["transfer"]["state"] == "completed"
        assert (world.inbox(BOB) / "played.bin").read_bytes() == FILE
        assert _given_back(worker.log) < 10
