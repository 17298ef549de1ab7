"""Control messages that are far too long: neither workers nor the parked queue keep them."""

import secrets

import pytest
from pamqp.commands import Basic

from dev import management
from dev.processes import resident
from rollcast.broker.bodies import KEPT
from rollcast.codec import CONTENT_TYPE
from rollcast.topology import UP, MiB, parked
from tests.attacks.attacker import Attacker
from tests.attacks.memory import peak, reset_peak
from tests.e2e.parking import listed
from tests.e2e.raw import url_of
from tests.e2e.world import World
from tests.people import ACME, ALICE, EVE, SERVER
from tests.waiting import wait_until

SIZE, MAY_GROW = 4 * MiB, 24.0
"""Bytes of each message, and MiB by which a worker may grow; eight of them are in hand at a time otherwise."""


@pytest.mark.parametrize("times", [16, pytest.param(60, marks=pytest.mark.long)])
def test_messages_that_are_too_long_are_not_kept(world: World, times: int) -> None:
    """Their beginning is, with their size and who sent them; a server that is asked for the list has room for it."""
    world.add(ALICE, EVE)
    (worker,) = world.running.workers
    properties = Basic.Properties(content_type=CONTENT_TYPE, user_id=EVE, delivery_mode=2)
    body = b"\x81\xa4type\xaaRegister/1" + secrets.token_bytes(SIZE - 16)
    before, start = len(listed(world)), resident(worker.pid)
    reset_peak(worker.pid)
    with Attacker(url_of(world, EVE)) as attacker:
        for _ in range(times):
            attacker.publish(UP, f"{ACME}.{EVE}.register", body, properties)
    wait_until(lambda: len(listed(world)) == before + times, "all of them are set aside")
    assert peak(worker.pid) < start + MAY_GROW
    kept = [message for message in listed(world) if message["size"] == len(body)]
    assert {(message["origin"], message["message"], message["reason"]) for message in kept} == {
        (EVE, "Register/1", "invalid_message")
    }
    assert len(kept) == times
    wait_until(lambda: _bytes_parked(world) < (before + times) * 2 * KEPT, "the parked queue is small")
    assert world.run("parked", "drop", *(message["id"] for message in kept)).status == 0


def _bytes_parked(world: World) -> int:
    queue = management.call(world.node.management_url, "GET", world.node.path("queues", parked(SERVER).name))
    return int(queue["message_bytes"])
