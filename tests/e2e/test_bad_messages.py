"""Messages and chunks that no well-behaved program sends: none of them stops a server or ends a transfer."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgpack
import msgspec
import pytest
from blake3 import blake3
from pamqp.commands import Basic

from rollcast.messages import Message, tag_of
from rollcast.topology import OPERATORS_MAY_SAY, STEPS, accepts
from tests.contract.raw_amqp import Connection
from tests.contract.raw_client import Fields, Terminal
from tests.e2e.raw import line, parked_headers, registered, sample, server_line
from tests.e2e.world import World, random_file
from tests.people import ACME, ALICE, MALLORY, SERVER_USER
from tests.people import BOB_OF_GLOBEX as BOB
from tests.waiting import wait_until

CHUNK = 65_536
FILE = secrets.token_bytes(2 * CHUNK + 100)
HUGE = 2**64 - 1


def _kind(step: str) -> tuple[str, list[str]]:
    """A message that belongs to a step, and the fields it must have."""
    # S200 has no other message with a required field than those of operators, whom it still answers.
    kinds: tuple[type[Message], ...] = (*accepts(step), *OPERATORS_MAY_SAY)
    for kind in kinds:
        required = [field.name for field in msgspec.structs.fields(kind) if field.required]
        if required:
            return tag_of(kind), required
    raise AssertionError(f"no message of {step} has a required field")


def _every(step: str, value: object, **more: object) -> bytes:
    tag, required = _kind(step)
    return _packed({"type": tag, **dict.fromkeys(required, value), **more})


def _packed(fields: object) -> bytes:
    return bytes(msgpack.packb(fields))


def _deep(levels: int) -> bytes:
    return b"\x91" * levels + b"\xc0"


INVALID: dict[str, Callable[[str], bytes]] = {
    "undecodable": lambda _: b"\xc1" + secrets.token_bytes(8),
    "cut off": lambda step: _every(step, "x")[:-1],
    "empty": lambda _: b"",
    "no map": lambda _: _packed([secrets.token_hex(8)]),
    "no type": lambda _: _packed({"mark": secrets.token_hex(8)}),
    "missing field": lambda step: _packed({"type": _kind(step)[0], "mark": secrets.token_hex(8)}),
    "wrong type": lambda step: _every(step, 1.5, mark=secrets.token_hex(8)),
    "huge integer": lambda step: _every(step, HUGE, mark=secrets.token_hex(8)),
    "huge type": lambda _: _packed({"type": HUGE, "mark": secrets.token_hex(8)}),
    "unknown type": lambda _: _packed({"type": "Nonsense/1", "mark": secrets.token_hex(8)}),
    "deep body": lambda _: _deep(100_000),
    "deep field": lambda step: b"\x82\xa4type" + _packed(_kind(step)[0]) + b"\xa1x" + _deep(5_000),
}


@pytest.fixture
def connections() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("step", STEPS)
def test_what_cannot_be_read_is_parked(world: World, step: str) -> None:
    """Each kind of nonsense, said by the server itself, ends in the parked queue with its step and reason."""
    with server_line(world) as server:
        for what, body_for in INVALID.items():
            body = body_for(step)
            server.say("rollcast.step", f"{ACME}.{step}", body, SERVER_USER)
            headers = parked_headers(world, body, step)
            assert headers["rollcast-reason"] == "invalid_message", what


@pytest.mark.parametrize("step", STEPS)
def test_a_newer_version_waits(world: World, step: str) -> None:
    """What a later program may understand goes up the ladder and is not parked."""
    before = sample(world, "rollcast_retried_total", step=step, rung="5s")
    newer = _kind(step)[0].replace("/1", "/2")
    with server_line(world) as server:
        server.say("rollcast.step", f"{ACME}.{step}", _packed({"type": newer}), SERVER_USER)
    wait_until(
        lambda: sample(world, "rollcast_retried_total", step=step, rung="5s") == before + 1,
        f"{newer} is retried",
    )


def test_a_terminal_is_told_that_its_message_is_invalid(world: World, connections: ExitStack) -> None:
    """With `reply_to` it gets `Refused`; an unknown field, however deep, harms nobody."""
    terminal = Terminal(connections.enter_context(line(world, ALICE)))
    fields = _request(secrets.token_hex(16), secrets.token_hex(16)) | {"chunk_size": 1}
    refused = terminal.ask("request", fields)
    assert (refused["type"], refused["reason"]) == ("Refused/1", "invalid_message")
    deep: Any = None
    for _ in range(400):
        deep = [deep]
    assert terminal.ask("register", {"type": "Register/1", "new": deep})["type"] == "Registered/1"


def test_wrong_chunks_are_dropped(world: World, connections: ExitStack) -> None:
    """Chunks of a wrong size, index, digest, transfer and user are counted, and the transfer completes."""
    world.receive(BOB)
    alice, request = _uploading(world, connections)
    transfer_id, other = request["transfer_id"], secrets.token_hex(16)
    alice.say("request", _request(other, request["session"]))
    alice.hear("UploadInvited")
    admin = connections.enter_context(Connection(world.node.amqp_url))
    first = FILE[:CHUNK]
    good = {"transfer": transfer_id, "index": 0, "blake3": blake3(first).hexdigest()}
    key, short = f"{ALICE}.{transfer_id}", first[:-1]
    wrong: list[tuple[str, Connection, dict[str, Any], bytes]] = [
        ("wrong_length", alice.connection, good | {"blake3": blake3(short).hexdigest()}, short),
        ("wrong_length", alice.connection, good | {"blake3": blake3(b"").hexdigest()}, b""),
        ("wrong_index", alice.connection, good | {"index": 3}, first),
        ("wrong_index", alice.connection, good | {"index": -1}, first),
        ("wrong_digest", alice.connection, good, secrets.token_bytes(CHUNK)),
        ("wrong_transfer", alice.connection, good | {"transfer": other}, first),
        ("unknown_transfer", alice.connection, good | {"transfer": secrets.token_hex(16)}, first),
        ("unknown_transfer", alice.connection, good | {"index": "0"}, first),
        ("unknown_transfer", alice.connection, {}, first),
        ("wrong_user", admin, good, first),
    ]
    for reason, connection, headers, body in wrong:
        before = sample(world, "rollcast_chunks_refused_total", reason=reason)
        user = None if connection is admin else ALICE
        connection.publish("rollcast.bulk", key, body, Basic.Properties(headers=headers, user_id=user))
        wait_until(
            lambda reason=reason, before=before: (  # type: ignore[misc]
                sample(world, "rollcast_chunks_refused_total", reason=reason) == before + 1
            ),
            f"{reason} is counted",
        )
    _finish(alice, transfer_id)
    assert (world.inbox(BOB) / f"{transfer_id}.bin").read_bytes() == FILE


def test_who_was_not_asked_cannot_answer(world: World, connections: ExitStack) -> None:
    """Its consent is parked as not authentic, for a transfer that is there and for one that is not."""
    world.receive(BOB)
    _, request = _uploading(world, connections)
    mallory, _ = registered(connections.enter_context(line(world, MALLORY)))
    for about in (request["transfer_id"], secrets.token_hex(16)):
        answer: Fields = {"type": "ConsentAnswered/1", "transfer_id": about, "accept": True}
        mallory.say("answer", answer)
        assert parked_headers(world, _packed(answer), "s260")["rollcast-reason"] == "not_authentic"


def test_a_transfer_id_is_used_once(world: World, connections: ExitStack) -> None:
    """Another sender, and the same one with another file, are refused; the first transfer completes."""
    world.receive(BOB)
    alice, request = _uploading(world, connections)
    transfer_id = request["transfer_id"]
    mallory, session = registered(connections.enter_context(line(world, MALLORY)))
    mallory.say("request", request | {"session": session})
    alice.say("request", request | {"file": request["file"] | {"size": len(FILE) - 1}})
    for terminal in (mallory, alice):
        refused = terminal.hear("TransferRefused")
        assert (refused["transfer_id"], refused["reason"]) == (transfer_id, "duplicate_transfer")
    _finish(alice, transfer_id)


def test_after_all_that_a_file_arrives(world: World, tmp_path: Path) -> None:
    """The workers are healthy, and a transfer completes."""
    world.receive(BOB)
    world.add(ALICE)
    source = random_file(tmp_path / "after.bin", 3 * CHUNK)
    done = world.send(source, ALICE, [BOB])
    assert (done.status, done.document["state"]) == (0, "completed"), done.said
    assert (world.inbox(BOB) / source.name).read_bytes() == source.read_bytes()
    wait_until(lambda: all(worker.is_healthy() for worker in world.running.workers), "all workers are ready")


def _uploading(world: World, connections: ExitStack) -> tuple[Terminal, Fields]:
    """Alice, and her request for a transfer that the server wants chunks of."""
    alice, session = registered(connections.enter_context(line(world, ALICE)))
    request = _request(secrets.token_hex(16), session)
    alice.say("request", request)
    alice.hear("UploadInvited")
    return alice, request


def _request(transfer_id: str, session: str) -> Fields:
    selector = {"name": f"{transfer_id}.bin", "size": len(FILE), "hash": {"blake3": blake3(FILE).hexdigest()}}
    return {
        "type": "TransferRequested/1",
        "transfer_id": transfer_id,
        "session": session,
        "file": selector,
        "recipients": [BOB],
        "chunk_size": CHUNK,
    }


def _finish(alice: Terminal, transfer_id: str) -> None:
    for index in range(3):
        alice.upload(transfer_id, index, FILE[index * CHUNK : (index + 1) * CHUNK])
    report = alice.hear("TransferReported")["transfer"]
    assert (report["transfer_id"], report["state"]) == (transfer_id, "completed")
