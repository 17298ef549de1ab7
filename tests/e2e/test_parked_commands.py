"""What an operator does with parked messages, and what becomes of them then."""

import json
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgpack
import pytest
from pamqp.common import FieldTable

from tests.contract.raw_client import Fields, Terminal
from tests.e2e.parking import all_about, listed, parked, parked_about, unanswerable
from tests.e2e.raw import PARKED, Line, line, sample, server_line
from tests.e2e.world import World, random_file
from tests.people import ACME, ALICE, BOB, OPERATOR, SERVER_USER
from tests.waiting import wait_until
from workers.envelope import Envelope
from workers.parked.label import label

SIZE = 100_000


@pytest.fixture
def alice(world: World) -> Iterator[Line]:
    """A terminal's connection."""
    with line(world, ALICE) as connection:
        yield connection


def _park(world: World, bodies: Sequence[bytes]) -> None:
    """Set answers of bob aside as the ladder does when their rungs are used up."""
    origin = Envelope(BOB, "rollcast.up", f"{ACME}.{BOB}.answer", 3)
    with server_line(world) as server:
        for body in bodies:
            headers: FieldTable = {**label("s260", "try_again", "the database is away", origin)}
            server.say("", PARKED, body, SERVER_USER, headers)


def test_an_answer_that_was_parked_counts_when_it_is_replayed(world: World, tmp_path: Path) -> None:
    """The transfer goes on as if it had come in time, and the file arrives."""
    world.add(ALICE)
    source = random_file(tmp_path / "plan.bin", SIZE)
    with line(world, BOB) as connection:
        bob = Terminal(connection)
        registered = bob.ask("register", {"type": "Register/1", "capabilities": {}})
        connection.consume(registered["inbox"], exclusive=True)
        sending = world.start(*world.sending(source, ALICE, [BOB], "--consent-timeout", "60s"))
        transfer_id = bob.hear("ConsentAsked")["offer"]["transfer_id"]
        answer = {"type": "ConsentAnswered/1", "transfer_id": transfer_id, "accept": True}
        _park(world, [msgpack.packb(answer)])

        parked_about(world, transfer_id)
        (message,) = (one for one in listed(world) if one["transfer_id"] == transfer_id)
        known = ("step", "reason", "detail", "attempts", "message", "origin")
        assert [message[name] for name in known] == [
            *("s260", "try_again", "the database is away", 4, "ConsentAnswered/1", BOB)
        ]
        shown = world.run("parked", "show", message["id"], "--json")
        assert json.loads(shown.document["text"]) == answer
        assert world.run("parked", "replay", message["id"]).status == 0

        _receive(bob, bob.hear("LaneOpened"))
        out, said = sending.communicate(timeout=60)
    assert (sending.returncode, json.loads(out)["state"]) == (0, "completed"), said
    assert all_about(world, transfer_id) == []
    assert sample(world, "rollcast_unparked_total", step="s260", action="replay") >= 1


def _receive(bob: Terminal, opened: Fields) -> None:
    bob.connection.consume(opened["lane"])
    received = b"".join(chunk for _, chunk in sorted(bob.fetch(opened["lane"]).items()))
    receipt = {
        "type": "ReceiptReported/1",
        "transfer_id": opened["offer"]["transfer_id"],
        "outcome": "delivered",
        "bytes": len(received),
        "hash": opened["offer"]["file"]["hash"],
    }
    assert bob.ask("receipt", receipt)["type"] == "ReceiptRecorded/1"


def test_what_fails_again_is_parked_again(world: World, alice: Line) -> None:
    """Later than before, under another id, and still as its sender's."""
    transfer_id = secrets.token_hex(16)
    alice.say("rollcast.up", f"{ACME}.{ALICE}.answer", unanswerable(transfer_id), ALICE)
    first = parked_about(world, transfer_id)
    assert (first["reason"], first["origin"], first["attempts"]) == ("invalid_message", ALICE, 1)
    assert world.run("parked", "replay", first["id"]).status == 0
    second = parked_about(world, transfer_id)
    assert second["id"] != first["id"]
    assert second["parked_at"] > first["parked_at"]
    same = ("step", "reason", "detail", "origin", "attempts", "size")
    assert [second[name] for name in same] == [first[name] for name in same]


def test_what_nobody_vouches_for_is_refused(world: World, alice: Line) -> None:
    """With status 3 and a sentence for each that could not be done; the others are done."""
    nameless, named = secrets.token_hex(16), secrets.token_hex(16)
    alice.say("rollcast.up", f"{ACME}.{ALICE}.answer", unanswerable(nameless))
    alice.say("rollcast.up", f"{ACME}.{ALICE}.answer", unanswerable(named), ALICE)
    stays, goes, unknown = parked_about(world, nameless)["id"], parked_about(world, named)["id"], "0" * 16
    process = world.start("parked", "replay", unknown, stays, goes)
    out, said = process.communicate(timeout=60)
    assert process.returncode == 3
    assert out.splitlines() == [f"replayed {goes}"]
    assert [line.split(": ")[1] for line in said.splitlines()] == [unknown, stays]
    assert "nobody can say who sent the message" in said
    assert "no such message is parked" in said
    assert parked_about(world, nameless)["id"] == stays
    shown = world.run("parked", "show", unknown, "--json")
    assert (shown.status, shown.document["error"]["code"]) == (3, "no_such_message")


def test_what_is_dropped_is_gone_and_noted(world: World, alice: Line) -> None:
    """The workers' log says who dropped what; a second time there is nothing to drop."""
    transfer_id = secrets.token_hex(16)
    alice.say("rollcast.up", f"{ACME}.{ALICE}.answer", unanswerable(transfer_id), ALICE)
    message = parked_about(world, transfer_id)
    assert world.run("parked", "drop", message["id"]).status == 0
    assert all_about(world, transfer_id) == []
    (worker,) = world.running.workers
    (note,) = [
        json.loads(row) for row in worker.log.read_text().splitlines() if transfer_id in row and "drop" in row
    ]
    assert (note["action"], note["operator"], note["id"]) == ("drop", OPERATOR, message["id"])
    assert world.run("parked", "drop", message["id"]).status == 3


def test_a_terminal_of_an_operator_obeys_no_stranger(world: World, alice: Line) -> None:
    """What a sender has written into a message is shown, as escapes or byte by byte, and does nothing."""
    evil = msgpack.packb({"type": "\x1b[2J\u202e/1", "mark": secrets.token_hex(8)})
    for body in (evil, b"\xc1\x1b[2J"):
        before = {message["id"] for message in parked(world)}
        alice.say("rollcast.up", f"{ACME}.{ALICE}.answer", body, ALICE)
        wait_until(lambda before=before: len(parked(world)) > len(before), "it is parked")  # type: ignore[misc]
        (new,) = {message["id"] for message in parked(world)} - before
        for words in (("list",), ("show", new)):
            out, _ = world.start("parked", *words).communicate(timeout=60)
            assert out
            assert all(row.isprintable() for row in out.split("\n"))
    assert "c11b5b324a" in out


def test_a_terminal_has_no_say_in_it(world: World, alice: Line) -> None:
    """What a terminal asks as an operator would is parked itself, and nothing else is touched."""
    before = {message["id"] for message in parked(world)}
    assert before
    drop = msgpack.packb({"type": "ParkedRequested/1", "action": "drop", "ids": sorted(before)[:100]})
    alice.say("rollcast.up", f"{ACME}.{ALICE}.query", drop, ALICE)
    wait_until(lambda: len(parked(world)) > len(before), "the request is parked")
    after = {message["id"]: message for message in parked(world)}
    assert before <= set(after)
    (asked,) = (message for key, message in after.items() if key not in before)
    assert (asked["message"], asked["reason"]) == ("ParkedRequested/1", "not_authentic")


@pytest.mark.long
def test_a_worker_that_is_killed_loses_none(world: World) -> None:
    """In the middle of replaying: each message is replayed, or parked as before, or both."""
    marks = {secrets.token_hex(16) for _ in range(200)}
    _park(world, [unanswerable(mark) for mark in marks])
    ids = [message["id"] for message in listed(world) if message["transfer_id"] in marks]
    assert len(ids) == len(marks)
    (worker,) = world.running.workers
    before = world.metric("rollcast_unparked_total")
    replaying = world.start("parked", "replay", *ids)
    wait_until(lambda: world.metric("rollcast_unparked_total") >= before + 10, "some are replayed")
    worker.kill()
    worker.start()
    worker.wait_until_healthy()
    out, said = replaying.communicate(timeout=90)
    assert replaying.returncode in {0, 3}, said
    # Beside that it may say that it waits.
    assert len(out.splitlines()) + said.count("no such message is parked") == len(marks)
    wait_until(lambda: _all_replayed(world, marks), "all that were replayed are parked again")


def _all_replayed(world: World, marks: set[str]) -> bool:
    now = [message for message in listed(world) if message["transfer_id"] in marks]
    assert {message["reason"] for message in now} <= {"try_again", "invalid_message"}
    return {message["transfer_id"] for message in now if message["reason"] == "invalid_message"} == marks
