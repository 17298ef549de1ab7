"""Everything of Rollcast is deleted on the broker by hand, in the middle of a transfer; it completes all the same."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dev import management
from dev.broker import Broker
from dev.processes import Program
from rollcast.topology import MiB
from tests.e2e import damage
from tests.e2e.raw import sample
from tests.e2e.underway import Held, completes, small, start
from tests.e2e.world import World
from tests.people import BOB
from tests.waiting import wait_until

pytestmark = pytest.mark.long

OURS = "rollcast."
SIZE = 160 * MiB
"""More than is granted while Bob does not read his lane."""


def _delete(node: Broker, kind: str, among_them: Sequence[str]) -> None:
    """Delete all queues, or all exchanges, that are ours, when there are some of each of these beginnings."""
    wait_until(
        lambda: all(any(name.startswith(one) for name in _names(node, kind)) for one in among_them),
        f"the {kind} are there again after whatever was deleted before",
    )
    for name in _names(node, kind):
        management.delete(node.management_url, node.path(kind, name))


def _names(node: Broker, kind: str) -> list[str]:
    """Without the locks: nobody may delete an exclusive queue of somebody else."""
    found = management.call(node.management_url, "GET", f"{node.path(kind)}?columns=name,exclusive")
    return [one["name"] for one in found if one["name"].startswith(OURS) and not one.get("exclusive")]


def delete_queues(node: Broker) -> None:
    """Steps, inboxes of terminals and of sessions, lanes, spool, progress, rungs, parked."""
    kinds = ("step2", "inbox", "spool", "progress", "retry", "parked")
    _delete(node, "queues", [f"{OURS}{kind}." for kind in kinds])


def delete_exchanges(node: Broker) -> None:
    """Those that are always there, the rungs', the mark of the ledger, and the casts of what is under way."""
    kinds = ("up", "step", "down", "bulk", "lane", "inner.", "retry.", "identity.")
    _delete(node, "exchanges", [f"{OURS}{kind}" for kind in kinds])


def delete_both(node: Broker) -> None:
    """Nothing of it is left."""
    delete_exchanges(node)
    delete_queues(node)


Deletion = Callable[[Broker], None]


@pytest.mark.parametrize("delete", [delete_queues, delete_exchanges, delete_both])
def test_during_the_upload(world: World, tmp_path: Path, delete: Deletion) -> None:
    """Chunks, lanes and grants are gone, and come again."""
    held = Held(world, tmp_path, SIZE)
    with damage.stopped(held.bob.pid):
        held.wait_until_lane_fills()
        delete(world.node)
    completes(world, held.sending, held.source)


def test_during_the_roll_call(world: World, tmp_path: Path) -> None:
    """The way of Bob's answer to the servers, and of the new receiver list to the sender."""
    source = small(world, tmp_path)
    bob = world.receiver(BOB)
    with damage.stopped(bob.pid):
        asked = _asked(world)
        sending = start(world, source)
        wait_until(lambda: _asked(world) == asked + 2, "both are asked")
        assert not _has_answered(bob)
        delete_both(world.node)
    completes(world, sending, source)


def _asked(world: World) -> float:
    """How many questions the server has put; there is one for each domain."""
    return sample(world, "rollcast_handled_total", step="s250", outcome="done")


def _has_answered(receiver: Program) -> bool:
    return '"answered"' in receiver.tail()
