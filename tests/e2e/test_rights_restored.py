"""Exchanges are deleted under a running server: what is forbidden stays forbidden, and reaches nobody meanwhile."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from urllib.parse import quote

import pytest
from pamqp import commands

from dev import management
from rollcast.topology import BULK, INNER, UP, step_queue
from tests.e2e.intruder import MARK, TAKEN, Intruder
from tests.e2e.raw import line, registered, sample, server_line, url_of
from tests.e2e.world import World
from tests.people import ACME, ALICE, BOB, CAROL, GLOBEX, SERVER
from tests.waiting import wait_until
from workers.broker.rights import topics_of

pytestmark = pytest.mark.long

HEARD = "test.heard"
FORBIDDEN = (
    (UP, f"{ACME}.{BOB}.register"),
    (UP, f"{GLOBEX}.{CAROL}.register"),
    (BULK, f"{BOB}.{'0' * 32}"),
)
TIMES = 3


@pytest.fixture
def heard(world: World) -> Iterator[None]:
    """A queue that gets all that is let through."""
    with server_line(world) as server:
        server.attempt(commands.Queue.Declare(queue=HEARD, durable=True), commands.Queue.DeclareOk)
        for inner in INNER.values():
            bind = commands.Queue.Bind(queue=HEARD, exchange=inner, routing_key="#")
            server.attempt(bind, commands.Queue.BindOk)
        yield
        server.attempt(commands.Queue.Delete(queue=HEARD), commands.Queue.DeleteOk)


@pytest.mark.parametrize("gone", [tuple(INNER), (*INNER, *INNER.values(), "rollcast.down", "rollcast.lane")])
def test_what_is_forbidden_reaches_nobody(world: World, heard: None, gone: Sequence[str]) -> None:
    """Alice speaks for Bob, for Carol of another domain, and sends Bob's chunks, all the time."""
    world.add(ALICE, BOB, CAROL)
    refused_before = _set_aside(world)
    with ExitStack() as stack:
        intruders = [
            stack.enter_context(Intruder(url_of(world, ALICE), exchange, key)) for exchange, key in FORBIDDEN
        ]
        for _ in range(TIMES):
            for exchange in gone:
                management.delete(world.node.management_url, world.node.path("exchanges", exchange))
            wait_until(lambda: _is_ready(world), "terminals are let in again")
            _all_are_refused(intruders)
    assert _set_aside(world) == refused_before
    assert MARK.decode() not in _payloads(world)
    for address in (ALICE, BOB, CAROL):
        assert _topics(world, address) == topics_of(address)
    # A terminal of ours repeats what nobody heard; this one does not.
    wait_until(lambda: _hears(world, "s200"), "the queue of S200 is bound again")
    with line(world, BOB) as bob:
        terminal, _ = registered(bob)
        assert terminal.ask("register", {"type": "Register/1"})["type"] == "Registered/1"


def _all_are_refused(intruders: Sequence[Intruder]) -> None:
    """From now on the broker takes nothing of theirs."""
    _refused_again(intruders)
    before = [intruder.outcomes[TAKEN] for intruder in intruders]
    _refused_again(intruders)
    assert [intruder.outcomes[TAKEN] for intruder in intruders] == before


def _refused_again(intruders: Sequence[Intruder]) -> None:
    before = [intruder.outcomes[403] for intruder in intruders]
    wait_until(
        lambda: all(now.outcomes[403] > then + 2 for now, then in zip(intruders, before, strict=True)),
        "the broker refuses what is forbidden",
    )


def _is_ready(world: World) -> bool:
    bindings = [
        management.call(
            world.node.management_url, "GET", world.node.path("exchanges", entry) + "/bindings/source"
        )
        for entry in INNER
        if entry in _exchanges(world)
    ]
    return len(bindings) == len(INNER) and all(bindings)


def _hears(world: World, step: str) -> bool:
    path = world.node.path("queues", step_queue(SERVER, step, ()).name) + "/bindings"
    found = management.call(world.node.management_url, "GET", path)
    return INNER[UP] in {row["source"] for row in found}


def _exchanges(world: World) -> set[str]:
    found = management.call(world.node.management_url, "GET", world.node.path("exchanges") + "?columns=name")
    return {row["name"] for row in found}


def _set_aside(world: World) -> float:
    """What came to workers, and was not authentic; and chunks that came to the spool."""
    return sum(
        sample(world, name, **labels)
        for name, labels in (
            ("rollcast_parked_total", {"step": "s200", "reason": "not_authentic"}),
            ("rollcast_chunks_refused_total", {"reason": "unknown_transfer"}),
        )
    )


def _topics(world: World, address: str) -> dict[str, str]:
    path = f"/api/users/{quote(address, safe='')}/topic-permissions"
    return {row["exchange"]: row["write"] for row in management.call(world.node.management_url, "GET", path)}


def _payloads(world: World) -> list[str]:
    """What was let through."""
    path = world.node.path("queues", HEARD) + "/get"
    wanted = {"count": 100_000, "ackmode": "ack_requeue_false", "encoding": "auto"}
    return [row["payload"] for row in management.call(world.node.management_url, "POST", path, wanted)]
