"""The topology table: each message has its place, each place its pool, each key its one queue."""

import re

import pytest

from rollcast import messages as m
from rollcast import topology
from rollcast.messages import MESSAGES
from rollcast.topology import (
    EXCHANGES,
    INNER,
    INTO_LANE,
    OPERATOR,
    OPERATORS_MAY_SAY,
    POOLS,
    REPLIES,
    STEP,
    STEP_OF,
    STEPS,
    TO_RECEIVER,
    TO_SENDER,
    UP,
    VERBS,
    accepts,
    step_queue,
)
from tests.contract.queues import TRANSFER, queues
from tests.people import ACME, BOB, GLOBEX

DEAF = {"spool", "clock"}
"""Pools that hear no messages: one takes chunks, one listens to the ledger alone."""


@pytest.mark.parametrize("kind", MESSAGES.values(), ids=lambda kind: kind.__name__)
def test_each_message_has_its_place(kind: type[m.Message]) -> None:
    """One place each; a query alone comes from terminals and operators."""
    said = [verb.message for verb in VERBS]
    places = [*said, *STEP_OF, *REPLIES, *TO_SENDER, *TO_RECEIVER, *INTO_LANE]
    assert places.count(kind) == (2 if kind is m.Query else 1)


def test_nothing_has_a_place_that_is_no_message() -> None:
    """Every type in the tables is in the one list of messages."""
    said = {verb.message for verb in VERBS}
    placed = said | set(STEP_OF) | {*REPLIES, *TO_SENDER, *TO_RECEIVER, *INTO_LANE}
    assert placed == set(MESSAGES.values())


def test_the_pools_are_the_steps_and_three_more() -> None:
    """What operators ask for, then the steps in the order of the protocol, none twice."""
    assert (*sorted(set(STEPS)), "spool", "progress", "clock") == POOLS


def test_each_verb_and_each_step_message_goes_to_a_pool_that_there_is() -> None:
    """And each pool but two hears something."""
    heard = {verb.pool for verb in VERBS} | set(STEP_OF.values())
    assert heard == set(POOLS) - DEAF
    assert {pool for pool in POOLS if accepts(pool)} == heard


def test_verbs_are_words_that_the_permissions_allow_and_none_is_twice() -> None:
    """A terminal may publish under `<domain>.<address>.<[a-z-]+>` only."""
    words = [verb.word for verb in VERBS]
    assert len(set(words)) == len(words) == len({verb.message for verb in VERBS})
    assert all(re.fullmatch("[a-z-]+", word) for word in words)


def test_operators_talk_to_a_pool_of_their_own() -> None:
    """Their permissions end at `<domain>.operator`, and no terminal reaches its queue."""
    assert {STEP_OF[kind] for kind in OPERATORS_MAY_SAY} == {OPERATOR}
    assert {kind for kind, pool in STEP_OF.items() if pool == OPERATOR} == set(OPERATORS_MAY_SAY)
    assert {exchange for exchange, _ in step_queue("main", OPERATOR, ("acme",)).bindings} == {INNER[STEP]}


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.word)
def test_what_a_terminal_says_reaches_one_queue(verb: topology.Verb) -> None:
    """That of the verb's pool."""
    message = verb.message
    key = f"{ACME}.{BOB}.{topology.VERB_OF[message]}"
    assert _reached(INNER[UP], key) == [_queue_of(verb.pool)]


@pytest.mark.parametrize("pool", [*STEPS, "progress"])
def test_what_a_server_says_reaches_one_queue(pool: str) -> None:
    """That of the pool, for its own domain; another domain's goes elsewhere."""
    assert _reached(INNER[STEP], f"{ACME}.{pool}") == [_queue_of(pool)]
    assert _reached(INNER[STEP], f"{GLOBEX}.{pool}") == []


def _queue_of(pool: str) -> str:
    return "rollcast.progress.main" if pool == "progress" else f"rollcast.step2.main.{pool}"


def _reached(exchange: str, key: str) -> list[str]:
    patterns = [
        (spec.name, re.escape(pattern).replace(r"\*", "[^.]+").replace(r"\#", ".*"))
        for spec in queues()
        for bound, pattern in spec.bindings
        if bound == exchange
    ]
    return [name for name, pattern in patterns if re.fullmatch(pattern, key)]


def test_queues_are_bound_to_exchanges_that_there_are() -> None:
    """Those that are always there, but no entry; the cast of the transfer, or the rung's own exchange."""
    allowed = {
        *EXCHANGES.keys() - INNER.keys(),
        *INNER.values(),
        topology.cast(ACME, TRANSFER),
        "rollcast.retry.main.5s",
    }
    assert {exchange for spec in queues() for exchange, _ in spec.bindings} <= allowed


def test_chunks_and_transfers_keep_out_of_quorum_queues() -> None:
    """Quorum queues are the steps', and no name of a transfer is on one."""
    quorum = {spec.name for spec in queues() if spec.arguments.get("x-queue-type") == "quorum"}
    assert quorum == {f"rollcast.step2.main.{step}" for step in STEPS}


def test_a_step_queue_dead_letters_nothing_and_names_its_limit() -> None:
    """Terminals write into it; and the limit of a broker from 4.0 on would be 20."""
    assert topology.step_queue("main", "s260", ()).arguments == {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1000,
    }


def test_the_earlier_queues_are_those_that_it_declared() -> None:
    """Whoever declares them with other arguments is refused, and an old worker then does not start."""
    spec = topology.earlier_step_queue("main", "s260", ("acme",))
    assert spec.name == "rollcast.step.main.s260"
    assert spec.arguments == {
        "x-queue-type": "quorum",
        "x-delivery-limit": 100,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "rollcast.parked.main",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    assert spec.bindings == ((UP, "acme.*.answer"), (STEP, "acme.s260"))


def test_the_longest_names_are_short_enough_for_amqp() -> None:
    """A queue's name and a routing key may have 255 bytes."""
    label = "a" * 63
    address = f"{label}@{label}"
    lane = topology.lane(address, TRANSFER, topology.cast(label, TRANSFER))
    assert len(lane.name) <= 255
    assert all(len(name) <= 255 for binding in lane.bindings for name in binding)
    assert len(topology.session_inbox(address, TRANSFER).name) <= 255
