"""What many receivers have lost in mid-cast comes again to all of them at once."""

import secrets
from collections.abc import Sequence
from contextlib import ExitStack

import pytest
from blake3 import blake3

from dev.processes import Program
from rollcast import topology
from tests.e2e import damage
from tests.e2e.rollcall import CHUNK, request, sender
from tests.e2e.world import World
from tests.people import ACME, GLOBEX
from tests.waiting import wait_until

pytestmark = pytest.mark.long

RECEIVERS = [f"many{number}@{domain}" for number in range(4) for domain in (ACME, GLOBEX)]
PARTS = [secrets.token_bytes(CHUNK) for _ in range(60)]
FILE = {
    "name": "many.bin",
    "size": len(PARTS) * CHUNK,
    "hash": {"blake3": blake3(b"".join(PARTS)).hexdigest()},
}


def _lanes(transfer_id: str) -> list[str]:
    return [topology.lane(address, transfer_id, "").name for address in RECEIVERS]


def _all_open(receivers: Sequence[Program]) -> bool:
    return all('"opened"' in receiver.tail(1_000) for receiver in receivers)


def _purge(world: World, lanes: Sequence[str], sent: int) -> list[int]:
    """Throw away what is in each lane when so many chunks have gone into it, all but what is under way."""
    wait_until(lambda: all(damage.depth(world.node, lane) >= sent // 2 for lane in lanes), "the lanes fill")
    return [damage.purge(world.node, lane) for lane in lanes]


def _wait_until_cast_ended(world: World, lanes: Sequence[str]) -> None:
    wait_until(
        lambda: all(damage.depth(world.node, lane) >= 2 for lane in lanes), "the last chunk, and the end"
    )


def test_all_lanes_are_purged_in_mid_cast(world: World) -> None:
    """Eight have lost about the same: one cast serves them all, and everybody gets the file whole."""
    receivers = [world.receive(address) for address in RECEIVERS]
    recast, repaired = "rollcast_recasts_total", "rollcast_chunks_repaired_total"
    before = world.metric(recast), world.metric(repaired)
    *most, last = enumerate(PARTS)
    with ExitStack() as stack:
        alice, session = sender(world, stack)
        asked = request(session, *RECEIVERS, file=FILE)
        alice.say("request", asked)
        alice.hear("UploadInvited")
        wait_until(lambda: _all_open(receivers), "all lanes are open")
        with ExitStack() as standing:
            for receiver in receivers:
                standing.enter_context(damage.stopped(receiver.pid))
            for index, part in most:
                alice.upload(asked["transfer_id"], index, part)
            lost = _purge(world, _lanes(asked["transfer_id"]), len(most))
            alice.upload(asked["transfer_id"], *last)
            # Whoever goes on before the end of the cast asks for itself, when the clock prompts it.
            _wait_until_cast_ended(world, _lanes(asked["transfer_id"]))
        report = alice.hear("TransferReported")
    assert report["transfer"]["state"] == "completed", report
    for address in RECEIVERS:
        assert (world.inbox(address) / "many.bin").read_bytes() == b"".join(PARTS)
    assert world.metric(recast) == before[0] + 1
    assert world.metric(repaired) - before[1] < sum(lost) / 2
