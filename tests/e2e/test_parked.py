"""What terminals say that nobody can handle is counted and kept, and what may be understood later is tried again."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack

import msgpack
import pytest

from rollcast.messages import tag_of
from rollcast.topology import VERBS, Verb
from tests.contract.raw_amqp import Connection
from tests.e2e.raw import Line, line, parked_headers, sample
from tests.e2e.world import World
from tests.people import ACME, ALICE
from tests.waiting import wait_until

COUNTED_ONLY = {"progress"}
"""Pools that keep nothing of what they cannot handle: it is old at once."""


@pytest.fixture
def alice(world: World) -> Iterator[Line]:
    """A terminal's connection."""
    with ExitStack() as stack:
        yield stack.enter_context(line(world, ALICE))


def _kept(world: World, alice: Connection, verb: Verb, body: bytes, reason: str) -> None:
    """Said under a verb it is counted once, and kept with its reason where it came from."""
    before = sample(world, "rollcast_parked_total", step=verb.pool, reason=reason)
    assert isinstance(alice, Line)
    alice.say("rollcast.up", f"{ACME}.{ALICE}.{verb.word}", body, ALICE)
    wait_until(
        lambda: sample(world, "rollcast_parked_total", step=verb.pool, reason=reason) == before + 1,
        f"{reason} of {verb.word} is counted",
    )
    if verb.pool not in COUNTED_ONLY:
        headers = parked_headers(world, body, verb.pool)
        assert (headers["rollcast-reason"], headers["rollcast-origin"]) == (reason, ALICE)
        assert headers["rollcast-key"] == f"{ACME}.{ALICE}.{verb.word}"
        assert headers["rollcast-detail"]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.word)
def test_nonsense_under_every_verb(world: World, alice: Line, verb: Verb) -> None:
    """What cannot be read is invalid; the message of another verb or of a server is not authentic."""
    mark = secrets.token_hex(8)
    _kept(world, alice, verb, b"\xc1" + mark.encode(), "invalid_message")
    _kept(world, alice, verb, msgpack.packb({"type": f"{mark}/1"}), "invalid_message")
    other = "query" if verb.word != "query" else "register"
    (stranger,) = (tag_of(one.message) for one in VERBS if one.word == other)
    _kept(world, alice, verb, msgpack.packb({"type": stranger, "mark": mark}), "not_authentic")
    closed = {"type": "CloseDue/1", "transfer_id": secrets.token_hex(16)}
    _kept(world, alice, verb, msgpack.packb(closed), "not_authentic")


def test_an_unknown_verb_is_heard_by_nobody(world: World, alice: Line) -> None:
    """The broker takes it, since the terminal may say it, and no queue does."""
    before = world.run("list", "--as", ALICE, "--json").document
    alice.say("rollcast.up", f"{ACME}.{ALICE}.shout", b"\xc1", ALICE)
    assert world.run("list", "--as", ALICE, "--json").document == before


def test_what_a_later_program_may_read_comes_back(world: World, alice: Line) -> None:
    """After its first rest it is still the terminal's message: it is not parked, and rests again, for longer."""
    steps = {"s210": "TransferRequested/2", "s260": "ConsentAnswered/2"}
    verbs = {"s210": "request", "s260": "answer"}
    before = {step: sample(world, "rollcast_retried_total", step=step, rung="30s") for step in steps}
    for step, tag in steps.items():
        alice.say("rollcast.up", f"{ACME}.{ALICE}.{verbs[step]}", msgpack.packb({"type": tag}), ALICE)
    for step in steps:
        wait_until(
            lambda step=step: (  # type: ignore[misc]
                sample(world, "rollcast_retried_total", step=step, rung="30s") == before[step] + 1
            ),
            f"{step} has tried twice",
        )
