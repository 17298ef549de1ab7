"""What does not belong into a lane, and who may not get at one, while a file is on its way."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import msgpack
import pytest
from blake3 import blake3
from pamqp import base
from pamqp.commands import Basic, Queue

from dev.processes import Program
from rollcast import topology
from tests.contract.raw_amqp import Closed, Connection
from tests.contract.raw_client import CONTENT_TYPE, Fields, Terminal
from tests.e2e.raw import Line, line, server_line, url_of
from tests.e2e.rollcall import CHUNK, FILE, request, sender, upload
from tests.e2e.world import World
from tests.people import ACME, SERVER_USER
from tests.people import BOB_OF_GLOBEX as BOB
from tests.waiting import wait_until

LINES = 10_000


@pytest.fixture
def connections() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def bob(world: World) -> Program:
    """A `receive` process."""
    return world.receive(BOB)


@pytest.fixture
def casting(world: World, connections: ExitStack, bob: Program) -> tuple[Terminal, str]:
    """A sender and its transfer: the lane is open, and no chunk was uploaded."""
    alice, session = sender(world, connections)
    asked = request(session, BOB)
    transfer_id = asked["transfer_id"]
    asked["file"] = asked["file"] | {"name": f"{transfer_id}.bin"}
    alice.say("request", asked)
    wait_until(lambda: _opened(bob, transfer_id), "the lane is open")
    return alice, transfer_id


def _opened(bob: Program, transfer_id: str) -> bool:
    return any('"opened"' in row and transfer_id in row for row in bob.tail(LINES).splitlines())


def _arrives(world: World, alice: Terminal, transfer_id: str) -> None:
    """The transfer completes, and the file is whole."""
    upload(alice, transfer_id)
    report = alice.hear("TransferReported")
    assert report["transfer"]["state"] == "completed", report
    assert (world.inbox(BOB) / f"{transfer_id}.bin").read_bytes() == FILE


def _wrong(transfer_id: str) -> Iterator[tuple[str, Fields, bytes]]:
    """Why a chunk is dropped, its headers and its body."""
    first = FILE[:CHUNK]
    good = {"transfer": transfer_id, "index": 0, "blake3": blake3(first).hexdigest()}
    yield "wrong_length", good | {"blake3": blake3(first[:-1]).hexdigest()}, first[:-1]
    yield "wrong_length", good | {"blake3": blake3(b"").hexdigest()}, b""
    yield "wrong_length", good | {"index": 2}, first
    yield "wrong_index", good | {"index": 3}, first
    yield "wrong_index", good | {"index": -1}, first
    yield "wrong_digest", good, secrets.token_bytes(CHUNK)
    yield "wrong_digest", good | {"blake3": "x"}, first
    yield "wrong_transfer", good | {"transfer": secrets.token_hex(16)}, first
    yield "wrong_transfer", good | {"index": "0"}, first
    yield "wrong_transfer", {"index": 0}, first


def test_wrong_chunks_are_dropped(
    world: World, connections: ExitStack, bob: Program, casting: tuple[Terminal, str]
) -> None:
    """Even under the server's own name: the receiver says why it drops them, and gets the file whole."""
    alice, transfer_id = casting
    server = connections.enter_context(server_line(world))
    admin = connections.enter_context(Connection(world.node.amqp_url))
    wrong: list[tuple[str, Connection, str, Fields, bytes]] = [
        (SERVER_USER, server, *one) for one in _wrong(transfer_id)
    ]
    good = {"transfer": transfer_id, "index": 0, "blake3": blake3(FILE[:CHUNK]).hexdigest()}
    wrong.append((admin.user, admin, "wrong_user", good, FILE[:CHUNK]))
    for user, connection, reason, headers, body in wrong:
        before = bob.tail(LINES).count(f"dropped a chunk: {reason}")
        properties = Basic.Properties(headers=headers, user_id=user)
        connection.publish(topology.LANE, topology.transfer_key(BOB, transfer_id), body, properties)
        wait_until(
            lambda reason=reason, before=before: (  # type: ignore[misc]
                bob.tail(LINES).count(f"dropped a chunk: {reason}") == before + 1
            ),
            f"{reason} is told",
        )
    _arrives(world, alice, transfer_id)


@pytest.mark.parametrize(
    "said",
    [b"\xc1", b"", {"type": "Nonsense/1"}, {"type": "CastEnded/2"}, {"type": "CastEnded/1"}],
    ids=["undecodable", "empty", "unknown", "newer", "too early"],
)
def test_nonsense_in_a_lane_ends_nothing(
    world: World, connections: ExitStack, casting: tuple[Terminal, str], said: Any
) -> None:
    """Nor does the end of the cast before its beginning."""
    alice, transfer_id = casting
    body = said if isinstance(said, bytes) else msgpack.packb(said | {"transfer_id": transfer_id})
    server = connections.enter_context(server_line(world))
    properties = Basic.Properties(content_type=CONTENT_TYPE, user_id=SERVER_USER)
    server.publish(topology.LANE, topology.transfer_key(BOB, transfer_id), body, properties)
    _arrives(world, alice, transfer_id)


def test_a_receiver_can_only_read_its_lane(world: World, casting: tuple[Terminal, str]) -> None:
    """It changes nothing about it, and puts nothing into it or into the cast; nor does the sender."""
    alice, transfer_id = casting
    lane, cast = topology.lane(BOB, transfer_id, "").name, topology.cast(ACME, transfer_id)
    key = topology.transfer_key(BOB, transfer_id)
    methods: list[tuple[base.Frame, type[base.Frame]]] = [
        (Queue.Declare(queue=lane), Queue.DeclareOk),
        (Queue.Delete(queue=lane), Queue.DeleteOk),
        (Queue.Unbind(queue=lane, exchange=cast), Queue.UnbindOk),
        (Queue.Bind(queue=lane, exchange=cast), Queue.BindOk),
    ]
    for method, wanted in methods:
        with line(world, BOB) as bob, pytest.raises(Closed) as closed:
            bob.attempt(method, wanted)
        assert closed.value.code == 403, method
    for who in (BOB, alice.name):
        for exchange, under in ((cast, ""), (topology.LANE, key), ("", lane)):
            with Line(url_of(world, who)) as terminal, pytest.raises(Closed) as closed:
                terminal.say(exchange, under, user_id=who)
            assert closed.value.code == 403, (who, exchange)
    _arrives(world, alice, transfer_id)
