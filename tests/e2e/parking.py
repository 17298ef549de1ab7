"""Parked messages as operators see them: by the command line, and past it, which is quicker."""

from typing import Any

import msgpack

from tests.contract.raw_client import Terminal
from tests.e2e.raw import Line
from tests.e2e.world import World
from tests.people import ACME
from tests.waiting import wait_until

Told = list[dict[str, Any]]


def listed(world: World, **environment: str) -> Told:
    """All that is parked, as the command says."""
    done = world.run("parked", "list", "--json", **environment)
    assert (done.status, done.document["more"]) == (0, False), done.said
    messages: Told = done.document["messages"]
    return messages


def parked(world: World, domain: str = ACME) -> Told:
    """The first hundred of a domain, as its server says."""
    with Line(world.running.operator_url) as connection:
        request = {"type": "ParkedRequested/1", "action": "list"}
        key = f"{domain}.operator"
        messages: Told = Terminal(connection).ask_under("rollcast.step", key, request)["messages"]
        return messages


def all_about(world: World, transfer_id: str, domain: str = ACME) -> Told:
    """What is parked now about a transfer."""
    return [message for message in parked(world, domain) if message["transfer_id"] == transfer_id]


def parked_about(world: World, transfer_id: str, domain: str = ACME) -> dict[str, Any]:
    """The parked message about a transfer, as soon as it is there."""
    wait_until(lambda: all_about(world, transfer_id, domain) != [], "the message is parked")
    (found,) = all_about(world, transfer_id, domain)
    return found


def unanswerable(transfer_id: str) -> bytes:
    """An answer that says nothing, and is parked by whoever reads it."""
    body: bytes = msgpack.packb({"type": "ConsentAnswered/1", "transfer_id": transfer_id})
    return body
