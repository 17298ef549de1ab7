"""A virtual host whose default queue type is quorum."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev import management
from dev.broker import Broker
from rollcast.topology import STEPS, step_queue
from tests.e2e.world import World, deployed, random_file
from tests.people import ALICE, BOB, CAROL, SERVER, own
from tests.sharing import own_virtual_host


@pytest.fixture
def quorum(node: Broker, tmp_path: Path) -> Iterator[World]:
    """A server in such a virtual host."""
    with own_virtual_host(node, own("quorum"), "quorum") as broker, deployed(tmp_path, broker) as made:
        yield made


def test_a_transfer_goes_through_classic_queues(quorum: World, tmp_path: Path) -> None:
    """Only the steps have quorum queues; lanes, inboxes and the spool are as everywhere."""
    quorum.add(ALICE)
    for receiver in (BOB, CAROL):
        quorum.receive(receiver)
    done = quorum.send(random_file(tmp_path / "a.bin", 3_000_000), ALICE, [BOB, CAROL])
    assert (done.status, done.document["state"]) == (0, "completed")
    broker = quorum.node
    found = management.call(broker.management_url, "GET", broker.path("queues"))
    types = {queue["name"]: queue["type"] for queue in found}
    steps = {step_queue(SERVER, step, ()).name for step in STEPS}
    assert {name for name, kind in types.items() if kind == "quorum"} == steps
    assert {f"rollcast.spool.{SERVER}", f"rollcast.inbox.{BOB}"} < set(types)
