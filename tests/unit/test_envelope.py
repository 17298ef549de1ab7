"""Who really sent a message, and may that user say it here?"""

from typing import Any

import pytest

from rollcast.errors import IdentityError
from rollcast.messages import (
    AccountRequested,
    CloseDue,
    ConsentAnswered,
    Message,
    ParkedRequested,
    Query,
    ReceiptReported,
    Register,
    RoundDue,
)
from rollcast.topology import REPLY_TO
from tests.deliveries import FakeDelivery
from tests.people import ACME, ALICE, BOB, GLOBEX, INITECH, OPERATOR, SERVER_USER
from tests.unit.steps.build import T
from tests.unit.steps.world import SETTINGS
from workers import envelope
from workers.work import Received

ANSWER = ConsentAnswered(transfer_id=T, accept=True)
UP, STEP = "rollcast.up", "rollcast.step"
PLACE = f"{REPLY_TO}.g1h2AA9yZXBseUAxMDY3MzEzNjQAAANLAAAAAGsNJAA=.5RdeuLJm5pQNMDYUM0yMlg=="


def said(
    user: str | None = ALICE, exchange: str = UP, key: str = f"{ACME}.{ALICE}.answer", **fields: Any
) -> FakeDelivery:
    """A delivery as its user published it."""
    return FakeDelivery(user_id=user, exchange=exchange, routing_key=key, **fields)


def verify(letter: FakeDelivery, message: Message = ANSWER, pool: str = "s260") -> Received:
    """The message as its step gets it."""
    delivery = letter.delivery()
    return envelope.verify(envelope.read(delivery), message, pool, SETTINGS, delivery)


def refused(letter: FakeDelivery, message: Message = ANSWER, pool: str = "s260") -> str:
    """Why a message is parked."""
    with pytest.raises(IdentityError) as error:
        verify(letter, message, pool)
    return str(error.value)


def test_a_terminal_speaks_for_itself() -> None:
    """Under its own address, its own domain and the verb of the message."""
    received = verify(said(reply_to=PLACE, correlation_id="1"))
    assert received == Received(ANSWER, ALICE, ACME, PLACE, "1")


@pytest.mark.parametrize(
    "place",
    [
        f"rollcast.inbox.{BOB}",
        "rollcast.parked.main",
        REPLY_TO,
        "",
    ],
)
def test_replies_go_to_whoever_asks_and_nowhere_else(place: str) -> None:
    """A server may write into any queue; a terminal must not do that through it."""
    assert verify(said(reply_to=place)).reply_to is None


@pytest.mark.parametrize("user", [None, ""])
def test_without_a_verified_user_nothing_counts(user: str | None) -> None:
    """The broker checks the user only if it is there."""
    assert "user_id" in refused(said(user=user))


def test_copies_are_refused() -> None:
    """Brokers let them pass by the permissions."""
    assert "CC" in refused(said(headers={"CC": [f"{ACME}.{BOB}.answer"]}))


@pytest.mark.parametrize(
    "key",
    [
        f"{ACME}.{BOB}.answer",
        f"{GLOBEX}.{ALICE}.answer",
        f"{ACME}.{ALICE}.receipt",
        f"{ACME}.{ALICE}",
        f"{ACME}.{ALICE}.answer.more",
        f"nowhere.{ALICE}.answer",
        f"{INITECH}.{ALICE}.answer",
        "",
    ],
)
def test_a_key_that_is_not_the_terminals(key: str) -> None:
    """Address, domain and verb must be its own, and the domain one that is served here."""
    refused(said(key=key))


def test_a_verb_of_the_same_queue_does_not_do_for_another_message() -> None:
    """S310 hears two verbs of terminals."""
    receipt = ReceiptReported(transfer_id=T, outcome="failed", bytes=0)
    assert verify(said(key=f"{ACME}.{ALICE}.receipt"), receipt, "s310")
    assert "verb" in refused(said(key=f"{ACME}.{ALICE}.cancel"), receipt, "s310")


def test_a_message_in_the_wrong_queue() -> None:
    """Each step hears what is its own."""
    assert "s270" in refused(said(), ANSWER, "s270")


def test_a_server_speaks_to_steps() -> None:
    """Under the key of the step."""
    letter = said(SERVER_USER, STEP, f"{GLOBEX}.s270")
    assert verify(letter, RoundDue(transfer_id=T), "s270").domain == GLOBEX
    assert "key" in refused(said(SERVER_USER, STEP, f"{GLOBEX}.s310"), RoundDue(transfer_id=T), "s270")


@pytest.mark.parametrize("user", [ALICE, OPERATOR, f"{SERVER_USER}@{ACME}"])
def test_nobody_else_speaks_as_a_server(user: str) -> None:
    """Neither a terminal nor an operator, whatever it is called."""
    refused(said(user, STEP, f"{ACME}.s310"), CloseDue(transfer_id=T), "s310")


@pytest.mark.parametrize("pool", ["operator", "s200"])
def test_an_operator_asks(pool: str) -> None:
    """About accounts and transfers, S200 with a command line of an earlier version; a terminal does not ask there."""
    for message in (AccountRequested(action="list"), Query()):
        assert verify(said(OPERATOR, STEP, f"{ACME}.{pool}"), message, pool).origin == OPERATOR
        refused(said(ALICE, STEP, f"{ACME}.{pool}"), message, pool)


def test_a_terminal_does_not_reach_the_pool_of_operators() -> None:
    """Not with what it may ask of S200 either."""
    refused(said(key=f"{ACME}.{ALICE}.query"), Query(), "operator")
    refused(said(OPERATOR, STEP, f"{ACME}.operator"), Register(), "operator")


@pytest.mark.parametrize("verb", ["query", "register", "parked"])
def test_a_terminal_does_not_ask_for_parked_messages(verb: str) -> None:
    """Neither under a verb of its own nor, were the broker to let it, as an operator or through a server."""
    asked = ParkedRequested(action="drop", ids=["0" * 16])
    assert verify(said(OPERATOR, STEP, f"{ACME}.operator"), asked, "operator").origin == OPERATOR
    refused(said(key=f"{ACME}.{ALICE}.{verb}"), asked, "s200")
    refused(said(ALICE, STEP, f"{ACME}.s200"), asked, "s200")
    passed_on = envelope.Envelope(ALICE, STEP, f"{ACME}.s200", 0).headers(0)
    refused(said(SERVER_USER, STEP, f"{ACME}.s200", headers={**passed_on}), asked, "s200")
    refused(said(OPERATOR, STEP, f"{GLOBEX}.s200"), asked, "s210")


@pytest.mark.parametrize("exchange", ["", "amq.topic", "rollcast.down", "rollcast.bulk"])
def test_nothing_comes_from_other_exchanges(exchange: str) -> None:
    """A queue bound elsewhere, or published to by its name, is not believed."""
    refused(said(exchange=exchange))


def test_a_copy_of_a_server_counts_as_the_message_itself() -> None:
    """With the origin, the key and the exchange of the first publishing."""
    first = envelope.read(said().delivery())
    copy = said(SERVER_USER, STEP, f"{ACME}.s260", headers=dict(first.headers(attempt=2)))
    assert verify(copy).origin == ALICE
    assert envelope.read(copy.delivery()).attempt == 2


@pytest.mark.parametrize("user", [ALICE, OPERATOR])
def test_only_servers_pass_on(user: str) -> None:
    """Anybody can write headers."""
    claimed = envelope.Envelope(BOB, UP, f"{ACME}.{BOB}.answer", 0).headers(attempt=1)
    assert "claims" in refused(said(user, headers=dict(claimed)))


@pytest.mark.parametrize("missing", [envelope.KEY, envelope.EXCHANGE])
def test_a_copy_without_its_origin_is_parked(missing: str) -> None:
    """One malformed message must not end a worker."""
    headers = dict(envelope.read(said().delivery()).headers(attempt=1))
    del headers[missing]
    refused(said(SERVER_USER, STEP, f"{ACME}.s260", headers=dict(headers)))


def test_a_copy_with_a_wrong_attempt_is_parked() -> None:
    """Nor must a word where a number belongs."""
    headers: dict[str, Any] = dict(envelope.read(said().delivery()).headers(attempt=1))
    refused(said(SERVER_USER, STEP, f"{ACME}.s260", headers=headers | {envelope.ATTEMPT: "often"}))
