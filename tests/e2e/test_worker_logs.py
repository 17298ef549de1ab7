"""What workers log while things go wrong: JSON throughout, with transfer, step and attempt, and no secrets."""

import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgpack
import pytest
from pamqp.commands import Basic

from dev.broker import Node, private_node
from rollcast.topology import POOLS
from tests.e2e.parking import unanswerable
from tests.e2e.raw import Line, line, registered, sample, url_of
from tests.e2e.worker_log import lines
from tests.e2e.world import World, deployed
from tests.people import ACME, ALICE, GLOBEX, SERVER, SERVER_USER
from tests.people import BOB_OF_GLOBEX as BOB
from tests.waiting import wait_until

pytestmark = pytest.mark.long

FLOOD = 50
"""Wrong chunks."""
TOLD_EVERY_S = 10.0


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One server of two domains on a broker of its own."""
    folder = tmp_path_factory.mktemp("mine")
    with private_node(folder / "broker") as node, deployed(folder, node) as made:
        yield made


@pytest.fixture
def alice(mine: World) -> Iterator[Line]:
    """A terminal's connection."""
    with ExitStack() as stack:
        yield stack.enter_context(line(mine, ALICE))


def _said(mine: World, event: str, **fields: object) -> list[dict[str, Any]]:
    (worker,) = mine.running.workers
    return [found for found in lines(worker, event) if found.items() >= fields.items()]


def _says(mine: World, event: str, **fields: object) -> dict[str, Any]:
    """The first line that says this, as soon as it is there."""
    wait_until(lambda: _said(mine, event, **fields) != [], f"{event} is logged with {fields}")
    return _said(mine, event, **fields)[0]


def test_how_it_has_started(mine: World) -> None:
    """What it is, what it runs and with which settings; the ledger and what belongs to it; that all are let in."""
    _says(mine, "terminals and operators are let in")
    (start,) = _said(mine, "starting")
    assert (start["server"], start["domains"], start["pools"]) == (SERVER, [ACME, GLOBEX], [*POOLS])
    assert start["version"]
    assert start["amqp_url"].startswith(f"amqp://{SERVER_USER}:***@127.0.0.1:")
    *first, one, other = (found["event"].partition(":")[0] for found in _said(mine, ""))
    assert first == ["starting", "the ledger is there", "the ledger has recorded what belongs to it"]
    assert {one, other} == {"terminals and operators are let in", "ready"}


def test_a_parked_message(mine: World, alice: Line) -> None:
    """Why, about which transfer, in which step, at which attempt, what and from whom."""
    transfer = secrets.token_hex(16)
    alice.say("rollcast.up", f"{ACME}.{ALICE}.answer", unanswerable(transfer), ALICE)
    parked = _says(mine, "parked a message", transfer=transfer)
    assert (parked["level"], parked["step"], parked["pool"], parked["attempt"]) == (
        "warning",
        "s260",
        "s260",
        1,
    )
    assert (parked["reason"], parked["origin"]) == ("invalid_message", ALICE)
    assert parked["message"] == "ConsentAnswered/1"
    assert "accept" in parked["error"]


def test_a_message_that_cannot_be_read(mine: World, alice: Line) -> None:
    """Nobody knows about which transfer it is; the line says so."""
    alice.say("rollcast.up", f"{ACME}.{ALICE}.answer", b"\xc1", ALICE)
    parked = _says(mine, "parked a message", transfer=None, step="s260")
    assert (parked["attempt"], parked["message"], parked["origin"]) == (1, None, ALICE)


def test_a_message_that_is_tried_again(mine: World, alice: Line) -> None:
    """Its attempts are counted."""
    transfer = secrets.token_hex(16)
    newer = msgpack.packb({"type": "ConsentAnswered/2", "transfer_id": transfer})
    alice.say("rollcast.up", f"{ACME}.{ALICE}.answer", newer, ALICE)
    for attempt, rung in ((1, "5s"), (2, "30s")):
        tried = _says(mine, "a message waits", transfer=transfer, attempt=attempt)
        assert (tried["level"], tried["step"], tried["rung"]) == ("warning", "s260", rung)
        assert tried["reason"] == "newer_version"


def test_chunks_that_nobody_wants(mine: World, alice: Line) -> None:
    """Each is counted, and few lines tell of all of them."""
    mine.receive(BOB).stop()  # He is asked, and does not answer.
    transfer = _uploading(alice)
    wrong = Basic.Properties(headers={"transfer": transfer, "index": 7, "blake3": "0" * 64}, user_id=ALICE)
    since = time.monotonic()
    for _ in range(FLOOD):
        alice.publish("rollcast.bulk", f"{ALICE}.{transfer}", b"x", wrong)
    wait_until(
        lambda: sample(mine, "rollcast_chunks_refused_total", reason="wrong_index") == FLOOD,
        "all are counted",
    )
    told = _said(mine, "dropped chunks", reason="wrong_index", transfer=transfer, pool="spool", user=ALICE)
    assert told[0]["chunks"] == 1
    assert len(told) <= 1 + (time.monotonic() - since) / TOLD_EVERY_S


def _uploading(alice: Line) -> str:
    """A transfer that the server wants chunks of."""
    terminal, session = registered(alice)
    transfer = secrets.token_hex(16)
    file = {"name": "a.bin", "size": 10, "hash": {"blake3": "0" * 64}}
    wanted = {
        "transfer_id": transfer,
        "session": session,
        "file": file,
        "recipients": [BOB],
        "upload": "eager",
    }
    terminal.say("request", {"type": "TransferRequested/1", **wanted})
    terminal.hear("UploadInvited")
    return transfer


def test_a_ledger_that_is_gone_for_a_while(mine: World) -> None:
    """The clock, which looks into it twice a second, does not fill the log with that."""
    (server,) = mine.running.servers.values()
    ledger = Path(server.ledger.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("ALTER TABLE sent_transfers RENAME TO hidden")
        told = _says(mine, "the clock missed", pool="clock")
        connection.execute("ALTER TABLE hidden RENAME TO sent_transfers")
    assert "no such table" in told["error"]


def test_a_broker_that_is_gone_for_a_while(mine: World) -> None:
    """What libraries say of it is JSON as well; each consumer tells its attempts, and when it is back."""
    assert isinstance(mine.node, Node)
    mine.node.stop()
    queue = f"rollcast.step2.{SERVER}.s260"
    lost = _says(mine, "", logger="rollcast.broker.consumer", queue=queue, attempt=2)
    assert lost["next_try_s"] >= 0
    mine.node.start()
    assert _says(mine, f"consumes {queue} again")["pool"] == "s260"
    assert [found for found in _said(mine, "") if found["logger"].startswith("aiormq")]


def test_how_it_ends(mine: World) -> None:
    """It has heard the signal, has done what it had in hand, and is gone; all lines were JSON."""
    (worker,) = mine.running.workers
    worker.stop(timeout=60)
    assert worker.returncode == 0, worker.tail()
    ours = [found["event"] for found in lines(worker) if found["logger"].startswith("workers.")]
    assert [event.partition(":")[0].partition(";")[0] for event in ours[-3:]] == [
        *("stopping", "drained", "stopped")
    ]


def test_no_password_was_told(mine: World) -> None:
    """Neither the server's, nor an administrator's, nor a terminal's."""
    (server,) = mine.running.servers.values()
    (worker,) = mine.running.workers
    said = worker.log.read_text()
    for url in (server.amqp_url, mine.node.amqp_url, mine.running.operator_url, url_of(mine, ALICE)):
        password = urlsplit(url).password
        assert password
        assert password not in said
