"""A program that has nothing but `schemas/` sends and receives a file."""

import ast
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest
from blake3 import blake3

from dev import management
from dev.broker import Broker
from dev.deployment import Deployment, deployment
from tests.contract import raw_amqp, raw_client
from tests.contract.raw_amqp import Closed, Connection
from tests.contract.raw_client import Fields, Terminal
from tests.contract.validation import schema_of
from tests.people import ACME, GLOBEX, ONE_SERVER, OPERATOR, SERVER_PER_DOMAIN

CHUNK_SIZE = 65_536
FILE = secrets.token_bytes(3 * CHUNK_SIZE + 1000)


@pytest.fixture(
    scope="module", params=[ONE_SERVER, SERVER_PER_DOMAIN], ids=["one server", "server per domain"]
)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, node: Broker
) -> Iterator[Deployment]:
    """Servers with all their workers."""
    with deployment(tmp_path_factory.mktemp("servers"), node, request.param, operator=OPERATOR) as servers:
        yield servers


@pytest.fixture
def connections() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as stack:
        yield stack


def _checked(fields: Fields) -> Fields:
    """What a server said, after its schema was asked."""
    schema_of(fields["type"].partition("/")[0]).validate(fields)
    return fields


def _terminal(servers: Deployment, name: str, connections: ExitStack) -> Terminal:
    operator = Terminal(connections.enter_context(Connection(servers.operator_url)))
    address = f"{name}-{secrets.token_hex(3)}@{ACME if name == 'alice' else GLOBEX}"
    key = f"{address.partition('@')[2]}.operator"
    request = {"type": "AccountRequested/1", "action": "add", "address": address}
    answer = _checked(operator.ask_under("rollcast.step", key, request))
    assert answer["type"] == "AccountAnswered/1"
    url = management.as_user(servers.operator_url, quote(address, safe=""), answer["password"])
    return Terminal(connections.enter_context(Connection(url)))


def _chunk(index: int) -> bytes:
    return FILE[index * CHUNK_SIZE : (index + 1) * CHUNK_SIZE]


def _request(transfer_id: str, session: str, *recipients: str) -> Fields:
    selector = {"name": "über.bin", "size": len(FILE), "hash": {"blake3": blake3(FILE).hexdigest()}}
    return {
        "type": "TransferRequested/1",
        "transfer_id": transfer_id,
        "session": session,
        "file": selector,
        "recipients": recipients,
        "chunk_size": CHUNK_SIZE,
    }


def test_a_file_arrives(running: Deployment, connections: ExitStack) -> None:
    """Registered, requested, consented, uploaded, received, repaired, and reported as delivered."""
    alice, bob = (_terminal(running, name, connections) for name in ("alice", "bob"))
    transfer_id, session = secrets.token_hex(16), secrets.token_hex(16)
    registered = _checked(alice.ask("register", {"type": "Register/1", "session": session}))
    alice.connection.consume(registered["session_inbox"])
    registered = _checked(bob.ask("register", {"type": "Register/1", "capabilities": {}}))
    bob.connection.consume(registered["inbox"], exclusive=True)

    alice.say("request", _request(transfer_id, session, bob.name))
    assert _checked(alice.hear("TransferAccepted"))["state"] in {"requested", "asking"}
    offer = _checked(bob.hear("ConsentAsked"))["offer"]
    assert (offer["sender"], offer["transfer_id"]) == (alice.name, transfer_id)
    bob.say("answer", {"type": "ConsentAnswered/1", "transfer_id": transfer_id, "accept": True})
    resolved = _checked(alice.hear("ReceiverListResolved"))
    assert [(status["address"], status["state"]) for status in resolved["receivers"]] == [
        (bob.name, "accepted")
    ]

    lane = _checked(bob.hear("LaneOpened"))["lane"]
    bob.connection.consume(lane)
    for first, stop in _checked(alice.hear("UploadInvited"))["ranges"]:
        for index in range(first, stop):
            alice.upload(transfer_id, index, _chunk(index))
    _checked(alice.hear("UploadCompleted"))
    chunks = bob.fetch(lane)
    assert set(chunks) == {0, 1, 2, 3}

    del chunks[1], chunks[3]
    missing = {"type": "ChunksMissing/1", "transfer_id": transfer_id, "ranges": [[1, 2], [3, 4]]}
    bob.say("missing", missing)
    again = bob.fetch(lane)
    assert set(again) == {1, 3}
    chunks |= again
    received = b"".join(chunks[index] for index in sorted(chunks))
    assert blake3(received).hexdigest() == offer["file"]["hash"]["blake3"]
    receipt: Fields = {"type": "ReceiptReported/1", "transfer_id": transfer_id, "outcome": "delivered"}
    receipt |= {"bytes": len(received), "hash": offer["file"]["hash"]}
    assert _checked(bob.ask("receipt", receipt))["type"] == "ReceiptRecorded/1"

    report = _checked(alice.hear("TransferReported"))
    assert report["transfer"]["state"] == "completed"
    assert [(status["address"], status["state"]) for status in report["receivers"]] == [
        (bob.name, "delivered")
    ]
    described = _checked(alice.ask("query", {"type": "Query/1", "transfer_id": transfer_id}))
    assert (described["type"], described["transfer"]["state"]) == ("TransferDescribed/1", "completed")


def test_what_cannot_be_met_is_refused_with_a_reason(running: Deployment, connections: ExitStack) -> None:
    """An invalid message, and a question after a transfer that is not there, are answered by `Refused`."""
    alice = _terminal(running, "alice", connections)
    refused = _checked(alice.ask("register", {"type": "Register/1", "session": "not hex"}))
    assert (refused["type"], refused["reason"]) == ("Refused/1", "invalid_message")
    refused = _checked(alice.ask("query", {"type": "Query/1", "transfer_id": secrets.token_hex(16)}))
    assert (refused["type"], refused["reason"]) == ("Refused/1", "no_such_transfer")


def test_nobody_speaks_for_another(running: Deployment, connections: ExitStack) -> None:
    """The broker closes the channel on another's key (403) and on another's name (406)."""
    alice = _terminal(running, "alice", connections)
    with pytest.raises(Closed) as closed:
        alice.ask_under("rollcast.up", f"{GLOBEX}.bob@{GLOBEX}.register", {"type": "Register/1"})
    assert closed.value.code == 403
    mallory = _terminal(running, "alice", connections)
    key = f"{ACME}.{mallory.name}.register"
    mallory.name = alice.name
    with pytest.raises(Closed) as closed:
        mallory.ask_under("rollcast.up", key, {"type": "Register/1"})
    assert closed.value.code == 406


@pytest.mark.parametrize("module", [raw_amqp, raw_client], ids=["amqp", "client"])
def test_the_client_knows_nothing_of_our_code(module: object) -> None:
    """It imports the standard library, a frame codec, msgpack, BLAKE3 and its own other half."""
    tree = ast.parse(Path(str(getattr(module, "__file__", ""))).read_text())
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    strange = {name.partition(".")[0] for name in imported} - set(sys.stdlib_module_names)
    assert strange <= {"pamqp", "msgpack", "blake3", "tests"}
    assert {name for name in imported if name.startswith("tests")} <= {"tests.contract.raw_amqp"}
