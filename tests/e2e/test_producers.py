"""The producer of `docs/producers.md` does what the document says, in Node.js and from `schemas/` alone."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from dev import management
from dev.broker import private_node
from dev.deployment import deployment
from dev.packages import Missing
from dev.processes import Program
from dev.schemas import FOLDER
from rollcast.codec import CONTENT_TYPE
from rollcast.topology import MiB
from tests.contract.validation import Dialect, schema_of
from tests.e2e import damage, producer
from tests.e2e.producer import Producer
from tests.e2e.tap import Tapped, tap
from tests.e2e.underway import BIG, digest, newest
from tests.e2e.world import World, random_file
from tests.people import ACME, ALICE, BOB, CAROL
from tests.waiting import wait_until

TRANSIENT, PERSISTENT = 1, 2


@pytest.fixture(scope="module")
def program() -> Path:
    """The program, put together from the document."""
    try:
        return producer.make()
    except Missing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture
def receivers(world: World) -> World:
    """Bob and Carol, who accept, with empty folders."""
    for address in (BOB, CAROL):
        world.receive(address)
        for left in filter(Path.is_file, world.inbox(address).iterdir()):
            left.unlink()
    return world


def test_a_file_arrives(receivers: World, program: Path, tmp_path: Path) -> None:
    """The report tells who has it, who has not and why; all that was published is as the schemas want it."""
    receivers.receive(CAROL, "--accept", "none")
    source = random_file(tmp_path / "über.PDF", 3 * MiB + 17)
    sending = Producer(receivers, program, source, ALICE, [BOB, CAROL, "dave@nowhere"])
    with tap(receivers.node) as tapped:
        sending.start()
        report = sending.ends(1)
        published = [one for one in tapped.taken() if one.properties.user_id == ALICE]
    schema_of("TransferReported").validate({"type": "TransferReported/1", **report})
    assert report["transfer"]["state"] == "partial"
    assert report["transfer"]["file"]["type"] == "application/pdf"
    assert {one["address"]: one["state"] for one in report["receivers"]} == {
        BOB: "delivered",
        CAROL: "rejected",
        "dave@nowhere": "unknown",
    }
    received = newest(receivers.inbox(BOB))
    assert (received.name, digest(received)) == (source.name, digest(source))
    chunks = [one for one in published if one.exchange == "rollcast.bulk"]
    messages = [one for one in published if one.exchange == "rollcast.up"]
    _check_messages(messages)
    _check_chunks(chunks, report["transfer"]["transfer_id"])


def test_an_empty_file_arrives(receivers: World, program: Path, tmp_path: Path) -> None:
    """It has no chunks, and nobody is invited to upload any."""
    sending = Producer(receivers, program, random_file(tmp_path / "empty", 0), ALICE, [BOB, CAROL])
    sending.start()
    assert sending.ends(0)["transfer"]["state"] == "completed"


@pytest.mark.long
def test_a_producer_that_dies_in_mid_upload_goes_on(receivers: World, program: Path, tmp_path: Path) -> None:
    """In the transfer that it had begun; nobody is asked again, and everybody gets the file once."""
    sending = Producer(receivers, program, random_file(tmp_path / "big.bin", BIG), ALICE, [BOB, CAROL])
    transfer_id = _killed_in_mid_upload(receivers, sending)
    sending.start()
    assert sending.ends(0)["transfer"]["transfer_id"] == transfer_id
    for address in (BOB, CAROL):
        (received,) = filter(Path.is_file, receivers.inbox(address).iterdir())
        assert digest(received) == digest(sending.source)
        assert receivers.receiver(address).tail(100_000).count('"asked"') == 1


def test_a_changed_file_is_taken_back(receivers: World, program: Path, tmp_path: Path) -> None:
    """The server is told why."""
    sending = Producer(receivers, program, random_file(tmp_path / "big.bin", BIG), ALICE, [BOB, CAROL])
    _killed_in_mid_upload(receivers, sending)
    sending.source.write_bytes(b"changed")
    sending.start()
    transfer = sending.ends(1)["transfer"]
    assert (transfer["state"], transfer["reason"]) == ("failed", "source_changed")
    assert "has changed since it was offered" in sending.process.tail()


def test_a_lost_connection_is_no_matter(receivers: World, program: Path, tmp_path: Path) -> None:
    """The same process connects again, and uploads what the server lacks."""
    sending = Producer(receivers, program, random_file(tmp_path / "big.bin", BIG), ALICE, [BOB, CAROL])
    sending.start()
    _wait_until_uploading(receivers)
    management.delete(receivers.node.management_url, f"/api/connections/username/{quote(ALICE)}")
    assert sending.ends(0)["transfer"]["state"] == "completed"
    assert re.search("closed|CONNECTION_FORCED", sending.process.tail(1000))
    for address in (BOB, CAROL):
        (received,) = filter(Path.is_file, receivers.inbox(address).iterdir())
        assert digest(received) == digest(sending.source)


def test_a_refusal_is_the_end(receivers: World, program: Path, tmp_path: Path) -> None:
    """It is told why, and not tried again."""
    if not (receivers.running.home / "credentials" / f"mute@{ACME}.json").exists():
        assert receivers.run("admin", "add", f"mute@{ACME}", "--no-may-send").status == 0
    sending = Producer(receivers, program, random_file(tmp_path / "a.bin", 10), f"mute@{ACME}", [BOB])
    sending.start()
    assert sending.ends(3) == {}
    assert f"mute@{ACME} may not send" in sending.process.tail()


@pytest.fixture
def world_of_the_document(tmp_path: Path) -> Iterator[World]:
    """A broker, a server and accounts whose names are those of the document."""
    with private_node(tmp_path / "broker") as node, deployment(tmp_path, node) as running:
        made = World(running, node, tmp_path)
        made.add("alice@acme", "bob@acme", "carol@globex")
        made.receive("carol@globex")
        yield made
        made.close()


@pytest.mark.long
def test_the_document_can_be_followed_to_the_letter(world_of_the_document: World, program: Path) -> None:
    """All that its terminals are told to type, but for `make up`, in a copy of the checkout."""
    checkout = program.parents[2]
    _write_env(world_of_the_document, checkout / ".run")
    first, receiver, sender = producer.terminals()
    assert first == "make up\n"
    receiving = Program(["sh", "-c", receiver], dict(os.environ), checkout / "receiver.log", checkout)
    receiving.start()
    try:
        receiving.wait_until(lambda: "bob@acme is ready" in receiving.tail())
        sent = subprocess.run(
            ["sh", "-c", sender], cwd=checkout, capture_output=True, text=True, check=False, timeout=90
        )
        assert sent.returncode == 0, sent.stderr
        assert (checkout / "inbox-of-bob" / "plan.txt").read_text() == "This is the plan.\n"
    finally:
        os.killpg(receiving.pid, signal.SIGTERM)
        receiving.stop()


def test_what_was_kept_for_other_recipients_is_not_sent(
    receivers: World, program: Path, tmp_path: Path
) -> None:
    """It says which transfer that is, and sends nothing to anybody."""
    source = random_file(tmp_path / "plan.bin", 10)
    kept = source.with_name(f"{source.name}.request")
    kept.write_text(json.dumps({"transfer_id": "0" * 32, "recipients": [BOB]}))
    line = Producer(receivers, program, source, ALICE, [CAROL]).refuses(2)
    assert f"{kept} is of transfer {'0' * 32} to {BOB}" in line
    assert kept.exists()


@pytest.mark.parametrize(("name", "told"), [("none", "ENOENT"), ("folder", "it is not a file")])
def test_a_file_that_cannot_be_used_is_told_in_a_line(
    name: str, told: str, world: World, program: Path, tmp_path: Path
) -> None:
    """Without a stack trace."""
    (tmp_path / "folder").mkdir()
    line = Producer(world, program, tmp_path / name, ALICE, [BOB]).refuses(2)
    assert line.startswith(f"{tmp_path / name} cannot be used: {told}")


def _write_env(world: World, folder: Path) -> None:
    """What `make up` writes for other terminals."""
    folder.mkdir(exist_ok=True)
    ours = {name: value for name, value in world.environment.items() if name.startswith("ROLLCAST_")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in {**ours, "PATH": path}.items()]
    (folder / "env").write_text("".join(lines))


def _wait_until_uploading(world: World) -> None:
    (server,) = world.running.servers.values()
    wait_until(lambda: any(server.spool.glob("*/*")), "the upload has begun")


def _killed_in_mid_upload(world: World, sending: Producer) -> str:
    """Kill the producer before the server has the whole file; returns the transfer."""
    (server,) = world.running.servers.values()
    sending.start()
    _wait_until_uploading(world)
    with damage.stopped(server.workers[0].pid):
        sending.process.kill()
        (spooled,) = server.spool.glob("*/")
        assert len(list(spooled.iterdir())) < BIG // MiB
    return spooled.name


def _check_messages(messages: list[Tapped]) -> None:
    assert [one.fields["type"] for one in messages][:2] == ["Register/1", "TransferRequested/1"]
    for one in messages:
        schema_of(one.fields["type"].partition("/")[0]).validate(one.fields)
        assert one.key.startswith(f"{ACME}.{ALICE}.")
        assert one.properties.content_type == CONTENT_TYPE
        assert one.properties.delivery_mode == PERSISTENT
        assert not one.properties.headers


def _check_chunks(chunks: list[Tapped], transfer_id: str) -> None:
    headers = Dialect(json.loads((FOLDER / "chunk-headers.v1.schema.json").read_text()))
    assert {one.properties.headers["index"] for one in chunks} == {0, 1, 2, 3}
    for one in chunks:
        headers.validate(dict(one.properties.headers))
        assert one.key == f"{ALICE}.{transfer_id}"
        assert one.properties.delivery_mode == TRANSIENT
