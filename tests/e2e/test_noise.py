"""Through a real broker: whatever terminals and servers say, workers take it, keep what is wrong, and go on."""

import secrets
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcast.codec import decode
from rollcast.errors import RollcastError
from rollcast.messages import Message, TransferRequested
from rollcast.topology import OPERATORS_MAY_SAY, STEP, STEP_OF, STEPS, UP, VERBS
from tests.e2e.raw import PARKED, Line, line, server_line
from tests.e2e.world import World, random_file
from tests.fuzz.sources import bodies
from tests.people import ACME, ALICE
from tests.people import BOB_OF_GLOBEX as BOB
from tests.people import CAROL_OF_ACME as CAROL
from tests.people import SERVER_USER as SERVER
from tests.waiting import wait_until

pytestmark = pytest.mark.long

SMALL = 2**20
BATCHES = 30
"""Of up to ten messages each; `tests/fuzz` has the many."""
KEYS: list[tuple[type[Message], str, str, str]] = [
    *((verb.message, UP, f"{ACME}.{ALICE}.{verb.word}", ALICE) for verb in VERBS),
    *(
        (kind, STEP, f"{ACME}.{step}", SERVER)
        for kind, step in STEP_OF.items()
        if kind not in OPERATORS_MAY_SAY
    ),
]
Saying = tuple[str, str, str, bytes]


def _saying(kind: type[Message], exchange: str, key: str, user: str) -> st.SearchStrategy[Saying]:
    return st.tuples(st.just(user), st.just(exchange), st.just(key), bodies(kind).filter(_leaves_room))


def _leaves_room(body: bytes) -> bool:
    """What is kept free for big files would be missing in the end."""
    try:
        message = decode(body)
    except RollcastError:
        return True
    return not isinstance(message, TransferRequested) or message.file.size <= SMALL


def test_noise(world: World) -> None:
    """All of it is settled; what was set aside has a reason, and none was a fault of ours."""
    with ExitStack() as stack:
        lines = {
            ALICE: stack.enter_context(line(world, ALICE)),
            SERVER: stack.enter_context(server_line(world)),
        }

        @settings(max_examples=BATCHES, deadline=None)
        @given(
            st.lists(st.sampled_from(KEYS).flatmap(lambda words: _saying(*words)), min_size=1, max_size=10)
        )
        def holds(sayings: list[Saying]) -> None:
            for user, exchange, key, body in sayings:
                lines[user].say(exchange, key, body, user)

        holds()
        reasons = _reasons_up_to(lines[SERVER], _mark_ends(lines[SERVER]))
    assert reasons.isdisjoint({"", "internal_error", "None"})
    wait_until(lambda: all(worker.is_healthy() for worker in world.running.workers), "all workers are ready")


def test_after_the_noise(world: World, tmp_path: Path) -> None:
    """A transfer completes."""
    world.add(CAROL)
    world.receive(BOB)
    source = random_file(tmp_path / "after.bin", 70_000)
    done = world.send(source, CAROL, [BOB])
    assert (done.status, done.document["state"]) == (0, "completed"), done.said
    assert (world.inbox(BOB) / source.name).read_bytes() == source.read_bytes()


def _mark_ends(server: Line) -> set[bytes]:
    """Put something that will be parked behind all that waits for a step."""
    marks = {f"{ACME}.{step}": b"\xc1" + secrets.token_bytes(8) for step in STEPS}
    for key, mark in marks.items():
        server.say(STEP, key, mark, SERVER)
    return set(marks.values())


def _reasons_up_to(server: Line, marks: set[bytes]) -> set[str]:
    """Take out what is parked, until all the marks are."""
    server.consume(PARKED)
    reasons = set()
    while marks:
        found = server.next(lambda _: True)
        server.ack(found)
        marks.discard(found.body)
        reasons.add(str((found.properties.headers or {}).get("rollcast-reason")))
    return reasons
