"""Transfers for which there is no room at present: they wait, that is told, and they go on by themselves."""

import sqlite3
import subprocess
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from dev.broker import MEMORY, Broker
from rollcast.topology import MiB
from tests.e2e.disk import fill, mounted
from tests.e2e.rollcall import CHUNK, CHUNKS, FILE, request, sender
from tests.e2e.underway import digest
from tests.e2e.world import World, clean, deployed, random_file
from tests.people import ALICE, BOB
from tests.waiting import wait_until
from workers.identity.mark import NAME as MARK

pytestmark = pytest.mark.long

MARGIN = 64 * MiB
"""Of the spool's disk that stays free."""


def _noted(world: World, column: str) -> Any:
    """What the server has measured last of broker or spool, if anything."""
    (server,) = world.running.servers.values()
    with closing(sqlite3.connect(server.ledger.removeprefix("sqlite:///"), timeout=30)) as ledger:
        found = ledger.execute(f"SELECT {column} FROM spool_usage").fetchone()
    return found[0] if found else None


def _status(world: World, transfer_id: str) -> tuple[str, str]:
    done = world.run("status", transfer_id, "--json")
    assert done.status == 0, done.said
    return done.document["state"], done.document["reason"]


def _wait_until_held(sending: "subprocess.Popen[str]") -> None:
    """Return when a sender has said that the transfer is held."""
    assert sending.stderr is not None
    while not (line := sending.stderr.readline()).startswith("held: the disk of the server's spool is full"):
        assert line


def test_the_disk_is_nearly_full(tmp_path: Path, node: Broker) -> None:
    """`spool_full` before anything is uploaded; with room again the file goes, and nobody has to do anything."""
    clean(node)
    room = MARGIN + 32 * MiB
    with (
        mounted(tmp_path / "spool", room) as spool,
        deployed(tmp_path, node, environment={"ROLLCAST_SPOOL": f"file://{spool}"}) as world,
    ):
        world.add(ALICE)
        world.receive(BOB)
        ballast = fill(spool, 24 * MiB)
        wait_until(
            lambda: (_noted(world, "free") or room) < MARGIN + 16 * MiB, "the disk is seen to be nearly full"
        )
        source = random_file(tmp_path / "held.bin", 16 * MiB)
        sending = world.start(*world.sending(source, ALICE, [BOB]))
        _wait_until_held(sending)
        (record,) = (world.running.home / "transfers").glob("*.json")
        assert _status(world, record.stem) == ("held", "spool_full")
        assert {path.name for path in spool.iterdir()} == {ballast.name, MARK}
        ballast.unlink()
        out, said = sending.communicate(timeout=60)
        assert sending.returncode == 0, (out, said)
        assert digest(world.inbox(BOB) / source.name) == digest(source)


def test_the_broker_is_full(world_apart: World) -> None:
    """`broker_full`, as long as nothing else was measured, though messages get through again."""
    world, node = world_apart, world_apart.own_node
    world.receive(BOB)
    with ExitStack() as connections:
        alice, session = sender(world, connections)
        try:
            node.allow_memory("1MB")
            wait_until(lambda: _noted(world, '"full"') is not None, "it is seen to be full")
        finally:
            node.allow_memory(MEMORY)
        asked = request(session, BOB)
        alice.say("request", asked)
        assert alice.hear("TransferHeld")["reason"] == "broker_full"
        assert _status(world, asked["transfer_id"]) == ("held", "broker_full")
        alice.hear("UploadInvited")
        for index in range(CHUNKS):
            alice.upload(asked["transfer_id"], index, FILE[index * CHUNK : (index + 1) * CHUNK])
        assert alice.hear("TransferReported")["transfer"]["state"] == "completed"
