"""Answers, receipts and demands of receivers that are not what the server waits for."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack

import msgpack
import pytest

from tests.contract.raw_client import Fields
from tests.e2e.raw import parked_headers, sample
from tests.e2e.rollcall import HASH, answer, receipt, receiver, request, sender, upload
from tests.e2e.world import World
from tests.waiting import wait_until


@pytest.fixture
def connections() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as stack:
        yield stack


def test_the_first_answer_stands(world: World, connections: ExitStack) -> None:
    """The same again is nothing new, another one is refused, and the transfer completes."""
    alice, session = sender(world, connections)
    bob = receiver(world, connections)
    asked = request(session, bob.name)
    transfer_id = asked["transfer_id"]
    alice.say("request", asked)
    bob.hear("ConsentAsked")
    for accept in (True, True, False):
        answer(bob, transfer_id, accept)
    refused = bob.hear("AnswerRefused")
    assert (refused["transfer_id"], refused["reason"]) == (transfer_id, "already_answered")
    assert alice.hear("ReceiverListResolved")["receivers"][0]["state"] == "accepted"
    upload(alice, transfer_id)
    assert bob.ask("receipt", receipt(transfer_id))["type"] == "ReceiptRecorded/1"
    assert alice.hear("TransferReported")["transfer"]["state"] == "completed"


@pytest.mark.parametrize("accept", [True, False])
def test_an_answer_after_the_end_does_not_count(world: World, connections: ExitStack, accept: bool) -> None:
    """Nobody was waited for any more, and whoever answers then is told so; it is recorded as said all the same."""
    alice, session = sender(world, connections)
    late = receiver(world, connections)
    asked = request(session, late.name, consent_timeout=1_500)
    transfer_id = asked["transfer_id"]
    alice.say("request", asked)
    late.hear("ConsentAsked")
    assert alice.hear("ReceiverListResolved")["receivers"][0]["state"] == "no_answer"
    assert late.hear("TransferEnded")["reason"] == "nobody_listed"
    said = {"type": "ConsentAnswered/1", "transfer_id": transfer_id, "accept": accept}
    assert late.ask("answer", said)["type"] == "AnswerRecorded/1"
    refused = late.hear("AnswerRefused")
    assert (refused["transfer_id"], refused["reason"]) == (transfer_id, "answered_too_late")


@pytest.mark.parametrize("first", ["no answer", "deferred"])
def test_a_late_acceptance_joins_the_list(world: World, connections: ExitStack, first: str) -> None:
    """As long as the transfer is open: announced as an addition, served from the spool, in the report."""
    alice, session = sender(world, connections)
    late, punctual = (receiver(world, connections) for _ in range(2))
    asked = request(session, late.name, punctual.name, consent_timeout=1_500)
    transfer_id = asked["transfer_id"]
    alice.say("request", asked)
    late.hear("ConsentAsked")
    punctual.hear("ConsentAsked")
    answer(punctual, transfer_id, True)
    if first == "deferred":
        late.say(
            "answer",
            {"type": "ConsentAnswered/1", "transfer_id": transfer_id, "accept": False, "deferred": True},
        )
    states = {one["address"]: one["state"] for one in alice.hear("ReceiverListResolved")["receivers"]}
    assert states == {late.name: first.replace(" ", "_"), punctual.name: "accepted"}
    upload(alice, transfer_id)
    alice.hear("UploadCompleted")
    answer(late, transfer_id, True)
    added = alice.hear("ReceiverListResolved")
    assert (added["list_version"], added["listed"]) == (2, 2)
    assert [one["address"] for one in added["receivers"]] == [late.name]
    lane = late.hear("LaneOpened")["lane"]
    late.connection.consume(lane)
    assert late.fetch(lane) == {}
    late.say("missing", {"type": "ChunksMissing/1", "transfer_id": transfer_id, "ranges": [[0, 3]]})
    assert set(late.fetch(lane)) == {0, 1, 2}
    for one in (late, punctual):
        assert one.ask("receipt", receipt(transfer_id))["type"] == "ReceiptRecorded/1"
    transfer = alice.hear("TransferReported")["transfer"]
    assert (transfer["state"], transfer["list_version"]) == ("completed", 2)


def test_a_wrong_receipt_is_refused_and_the_right_one_counts(world: World, connections: ExitStack) -> None:
    """Who reports another file has not got this one; a receipt that is repeated is answered again."""
    alice, session = sender(world, connections)
    bob = receiver(world, connections)
    asked = request(session, bob.name)
    transfer_id = asked["transfer_id"]
    alice.say("request", asked)
    bob.hear("ConsentAsked")
    early = receipt(transfer_id)
    bob.say("receipt", early)
    assert parked_headers(world, msgpack.packb(early), "s310")["rollcast-reason"] == "not_authentic"
    answer(bob, transfer_id, True)
    upload(alice, transfer_id)
    for wrong in ({"hash": HASH | {"blake3": "0" * 64}}, {"bytes": 5}, {"hash": None}):
        refused = bob.ask("receipt", receipt(transfer_id, **wrong))
        assert (refused["type"], refused["reason"]) == ("Refused/1", "invalid_message"), wrong
    for _ in range(2):
        assert bob.ask("receipt", receipt(transfer_id))["type"] == "ReceiptRecorded/1"
    late = receipt(transfer_id, outcome="failed", bytes=0, hash=None)
    assert bob.ask("receipt", late)["type"] == "ReceiptRecorded/1"
    report = alice.hear("TransferReported")
    assert (report["transfer"]["state"], report["receivers"][0]["state"]) == ("completed", "delivered")


def test_a_receipt_after_the_end_corrects_the_report(world: World, connections: ExitStack) -> None:
    """What was reported as expired becomes delivered, under a higher version, for whoever asks."""
    alice, session = sender(world, connections)
    bob = receiver(world, connections)
    asked = request(session, bob.name, consent_timeout=4_000, expires=6_000)
    transfer_id = asked["transfer_id"]
    alice.say("request", asked)
    bob.hear("ConsentAsked")
    answer(bob, transfer_id, True)
    upload(alice, transfer_id)
    alice.hear("UploadCompleted")
    assert bob.hear("TransferEnded")["state"] == "expired"
    discarded = receipt(transfer_id, outcome="discarded", bytes=0, hash=None)
    assert bob.ask("receipt", discarded)["type"] == "ReceiptRecorded/1"
    first = alice.hear("TransferReported")["transfer"]
    assert (first["state"], first["reason"], first["report_version"]) == ("expired", "no_receipt", 1)
    assert bob.ask("receipt", receipt(transfer_id))["type"] == "ReceiptRecorded/1"
    query = {"type": "Query/1", "transfer_id": transfer_id}
    wait_until(
        lambda: alice.ask("query", query)["transfer"]["report_version"] == 2, "the report is corrected"
    )
    described = alice.ask("query", query)
    assert (described["transfer"]["state"], described["transfer"]["reason"]) == ("completed", None)
    assert described["receivers"][0]["state"] == "delivered"


def test_nobody_meddles_with_anothers_transfer(world: World, connections: ExitStack) -> None:
    """Whoever was not invited demands no chunks and sends no receipt; whoever is not the sender cancels nothing."""
    alice, session = sender(world, connections)
    bob, mallory = (receiver(world, connections) for _ in range(2))
    asked = request(session, bob.name)
    transfer_id = asked["transfer_id"]
    alice.say("request", asked)
    bob.hear("ConsentAsked")
    answer(bob, transfer_id, True)
    alice.hear("ReceiverListResolved")
    meddling: list[tuple[str, str, Fields]] = [
        ("missing", "s300", {"type": "ChunksMissing/1", "ranges": [[0, 1]]}),
        ("receipt", "s310", receipt(transfer_id)),
        ("cancel", "s310", {"type": "CancelRequested/1"}),
    ]
    for verb, step, fields in meddling:
        for about in (transfer_id, secrets.token_hex(16)):
            said = fields | {"transfer_id": about}
            mallory.say(verb, said)
            assert parked_headers(world, msgpack.packb(said), step)["rollcast-reason"] == "not_authentic"
    unknown = mallory.ask("query", {"type": "Query/1", "transfer_id": transfer_id})
    nothing = mallory.ask("query", {"type": "Query/1", "transfer_id": "0" * 32})
    assert unknown | {"detail": ""} == nothing | {"detail": ""}
    upload(alice, transfer_id)
    assert bob.ask("receipt", receipt(transfer_id))["type"] == "ReceiptRecorded/1"
    assert alice.hear("TransferReported")["transfer"]["state"] == "completed"


def test_absurd_demands_and_figures_harm_nobody(world: World, connections: ExitStack) -> None:
    """Ranges beyond the file or the wrong way round, progress beyond it, nonsense: the file arrives."""
    alice, session = sender(world, connections)
    bob = receiver(world, connections)
    asked = request(session, bob.name)
    transfer_id = asked["transfer_id"]
    alice.say("request", asked)
    bob.hear("ConsentAsked")
    answer(bob, transfer_id, True)
    lane = bob.hear("LaneOpened")["lane"]
    bob.connection.consume(lane)
    upload(alice, transfer_id)
    alice.hear("UploadCompleted")
    assert set(bob.fetch(lane)) == {0, 1, 2}
    for ranges in ([], [[5, 2]], [[2**31 - 2, 2**31 - 1]], [[2, 2**31 - 1]], [[1, 2]] * 3):
        bob.say("missing", {"type": "ChunksMissing/1", "transfer_id": transfer_id, "ranges": ranges})
        asked_for = {index for first, stop in ranges for index in range(first, min(stop, 3))}
        assert set(bob.fetch(lane)) == asked_for
    before = sample(world, "rollcast_parked_total", step="progress", reason="invalid_message")
    for figure in (2**46, -1, "many"):
        bob.say("progress", {"type": "ProgressReported/1", "transfer_id": transfer_id, "bytes": figure})
    wait_until(
        lambda: (
            sample(world, "rollcast_parked_total", step="progress", reason="invalid_message") == before + 2
        ),
        "wrong figures are counted",
    )
    assert bob.ask("receipt", receipt(transfer_id))["type"] == "ReceiptRecorded/1"
    assert alice.hear("TransferReported")["transfer"]["state"] == "completed"
