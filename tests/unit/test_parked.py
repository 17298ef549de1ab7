"""What a parked message is: why it was set aside, who sent it, and how an operator sees it."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast.codec import decode, encode
from rollcast.messages import ConsentAnswered, ParkedAnswered
from tests.deliveries import FakeDelivery
from tests.people import ACME, BOB, MALLORY, SERVER_USER
from tests.unit.steps.build import T
from workers.envelope import Envelope
from workers.parked.label import Parked, label, read

ORIGIN = Envelope(BOB, "rollcast.up", f"{ACME}.{BOB}.answer", 2)
ANSWER = encode(ConsentAnswered(transfer_id=T, accept=True))
NOTHING: Mapping[str, Any] = {}
AT = datetime(2026, 1, 1, tzinfo=UTC)
LONG = st.just("x" * 2000)
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.datetimes(), LONG
)
PACKABLE = st.one_of(st.none(), st.integers(-(2**63), 2**64 - 1), st.text(), st.binary(), LONG)
FIELDS = ("type", "transfer_id", "offer", "x")
DEATH = st.fixed_dictionaries(
    {},
    optional={
        "queue": ANYTHING,
        "reason": ANYTHING,
        "time": ANYTHING,
        "exchange": ANYTHING,
        "routing-keys": ANYTHING | st.lists(st.text() | LONG),
    },
)
HEADERS = (
    *("rollcast-step", "rollcast-reason", "rollcast-detail", "rollcast-parked-at"),
    *("rollcast-origin", "rollcast-key", "rollcast-exchange", "rollcast-attempt", "x-death", "CC"),
)


def by_ladder(
    envelope: Envelope | None = ORIGIN, body: bytes = ANSWER, changed: Mapping[str, Any] = NOTHING
) -> Parked:
    """A message that the ladder has parked, with `changed` headers."""
    headers = {**label("s260", "try_again", "the database is away", envelope), **changed}
    return read(FakeDelivery(body, SERVER_USER, headers=headers).delivery())


def by_broker(
    user: str | None = BOB, headers: Mapping[str, Any] = NOTHING, changed: Mapping[str, Any] = NOTHING
) -> Parked:
    """A message that the broker has parked, and what it has noted (with something `changed`)."""
    noted = {
        "queue": "rollcast.step.main.s260",
        "reason": "delivery_limit",
        "time": AT,
        "exchange": ORIGIN.exchange,
        "routing-keys": [ORIGIN.key],
    }
    deaths = [noted | dict(changed), {"reason": "expired"}]
    everything = {**headers, "x-death": deaths}
    return read(FakeDelivery(ANSWER, user, headers=everything).delivery())


def test_what_the_ladder_parks_is_read_again() -> None:
    """Reason, step, time and identity."""
    found = by_ladder()
    assert (found.step, found.reason, found.detail) == ("s260", "try_again", "the database is away")
    assert found.envelope == ORIGIN
    assert found.replayable
    told = found.described()
    assert (told.message, told.transfer_id, told.origin) == ("ConsentAnswered/1", T, BOB)
    assert (told.attempts, told.size, told.text) == (3, len(ANSWER), None)
    assert told.parked_at is not None


def test_what_was_too_long_is_shown_by_its_beginning() -> None:
    """How long it was is told, and what is seen in its beginning. It cannot be replayed, since the rest is gone."""
    headers = label("s260", "invalid_message", "too long", ORIGIN, 2_000_000)
    found = read(FakeDelivery(ANSWER[:-1], SERVER_USER, headers=headers).delivery())
    assert not found.replayable
    told = found.described(100)
    assert (told.size, told.origin) == (2_000_000, BOB)
    assert (told.message, told.transfer_id) == ("ConsentAnswered/1", T)
    assert told.text == ANSWER[:-1].hex()[:100]


def test_what_nobody_vouches_for_cannot_be_replayed() -> None:
    """Without an envelope it is shown, with nobody as its sender."""
    found = by_ladder(None)
    assert not found.replayable
    assert (found.described().origin, found.described().attempts) == (None, 1)


def test_what_the_broker_parks_has_its_step_and_its_sender() -> None:
    """The newest death counts, and the user that the broker has verified."""
    found = by_broker()
    assert (found.step, found.reason) == ("s260", "delivery_limit")
    assert found.parked_at == int(AT.timestamp()) * 1_000_000
    assert found.envelope == Envelope(BOB, ORIGIN.exchange, ORIGIN.key, 0)


def test_a_retried_message_that_the_broker_parks_keeps_its_identity() -> None:
    """It came from the server on its last way, and from the terminal in truth."""
    last_way = {"exchange": "rollcast.step", "routing-keys": [f"{ACME}.s260"]}
    found = by_broker(SERVER_USER, ORIGIN.headers(2), last_way)
    assert found.envelope == ORIGIN


@pytest.mark.parametrize(
    "found",
    [
        by_broker(None),
        by_broker(BOB, ORIGIN.headers(0)),
        by_broker(changed={"routing-keys": [ORIGIN.key, f"{ACME}.{MALLORY}.answer"]}),
        by_broker(changed={"routing-keys": []}),
        by_broker(changed={"queue": "rollcast.lane.x"}),
        by_ladder(changed={"rollcast-attempt": "x"}),
        by_ladder(changed={"rollcast-step": "spool"}),
        read(FakeDelivery(ANSWER, SERVER_USER).delivery()),
    ],
)
def test_what_is_not_certain_cannot_be_replayed(found: Parked) -> None:
    """No verified user, a stranger's headers, a copy's second key, no step of ours."""
    assert not found.replayable
    assert found.described().id


def test_a_terminal_cannot_write_its_own_label() -> None:
    """Labels count under a server's user only; else a terminal would speak as somebody else when it is replayed."""
    forged = label("s310", "try_again", "", Envelope(SERVER_USER, "rollcast.step", f"{ACME}.s310", 0))
    found = by_broker(MALLORY, forged)
    assert (found.step, found.reason) == ("s260", "delivery_limit")
    assert found.envelope is None


def test_the_id_is_made_from_what_the_message_is() -> None:
    """The same each time it is looked at; another one for other content, or when it is parked again."""
    at = {"rollcast-parked-at": 1}
    same = {by_ladder(changed=at).id, by_ladder(changed=at).id}
    others = {
        by_ladder(changed={"rollcast-parked-at": 2}).id,
        by_ladder(body=b"other", changed=at).id,
        by_ladder(None, changed=at).id,
        by_ladder(changed=at | {"rollcast-step": "s270"}).id,
    }
    assert len(same) == 1
    assert len(same | others) == 5


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (ANSWER, {"type": "ConsentAnswered/1", "transfer_id": T, "accept": True}),
        (
            msgpack.packb({"type": "Later/2", "raw": b"\x01", 3: "\x1b"}),
            {"type": "Later/2", "raw": "01", "3": "\x1b"},
        ),
    ],
)
def test_a_message_is_told_as_json(body: bytes, text: dict[str, Any]) -> None:
    """Also one that this program does not know; characters that a terminal would obey are escaped."""
    told = by_ladder(body=body).described(65_536).text or ""
    assert {key: value for key, value in json.loads(told).items() if key in text} == text
    assert told.isascii()
    assert told.isprintable()


@pytest.mark.parametrize(
    "body", [b"\xc1", b"", msgpack.packb([1]), msgpack.packb({b"\xff": 1}), b"\x81\xa1a" * 5000, b"x" * 2**21]
)
def test_what_cannot_be_read_is_told_in_hex(body: bytes) -> None:
    """Up to the limit."""
    told = by_ladder(body=body).described(100)
    assert told.text == body.hex()[:100]
    assert told.size == len(body)


@pytest.mark.parametrize(
    "parked", [by_broker, lambda: by_ladder(changed={"rollcast-reason": "delivery_limit"})]
)
def test_what_workers_died_over_is_not_decoded(
    parked: Callable[[], Parked], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Operators see what its bytes show of type and transfer, and these bytes."""
    monkeypatch.setattr("workers.about.unpack", decoding_is_fatal)
    found = parked()
    for told in (found.described(), found.described(100)):
        assert (told.message, told.transfer_id, told.size) == ("ConsentAnswered/1", T, len(ANSWER))
    assert found.described(100).text == ANSWER.hex()[:100]
    assert found.replayable


def decoding_is_fatal(_: bytes) -> dict[Any, Any]:
    """What workers may have died of."""
    raise AssertionError("decoded")


def test_the_offer_names_the_transfer_too() -> None:
    """An invitation has its transfer in what is offered; what is no transfer id is left out."""
    invited = by_ladder(body=msgpack.packb({"type": "ReceiversInvited/1", "offer": {"transfer_id": T}}))
    assert invited.described().transfer_id == T
    for other in (
        {"transfer_id": "x"},
        {"transfer_id": 7},
        {"offer": 1},
        {"offer": {"transfer_id": T + "\n"}},
    ):
        assert by_ladder(body=msgpack.packb(other)).described().transfer_id is None


@given(
    body=st.binary(max_size=40) | st.dictionaries(st.sampled_from(FIELDS), PACKABLE).map(msgpack.packb),
    user=st.sampled_from([None, "", BOB, SERVER_USER]),
    headers=st.fixed_dictionaries({}, optional=dict.fromkeys(HEADERS, ANYTHING | st.lists(ANYTHING | DEATH))),
)
def test_whatever_lies_there_can_be_listed(body: bytes, user: str | None, headers: dict[str, Any]) -> None:
    """Nothing in the queue keeps an operator from seeing what else is in it."""
    told = read(FakeDelivery(body, user, headers=headers).delivery()).described(50)
    answer = ParkedAnswered(messages=[told])
    assert decode(encode(answer)) == answer
