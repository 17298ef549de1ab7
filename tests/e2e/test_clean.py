"""When transfers have ended, nothing is left of them: on the broker, in the spool, of what the ledger reserves."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev import management
from dev.broker import Broker
from rollcast.states import Transfer
from rollcast.topology import BULK, INNER, parked
from tests.e2e import damage
from tests.e2e.ends import Company
from tests.e2e.holdings import holdings
from tests.e2e.rollcall import FILE
from tests.e2e.stage import until
from tests.e2e.world import World, clean, deployed
from tests.people import ACME, GLOBEX, INITECH, UMBRELLA, own

pytestmark = pytest.mark.long

SERVERS = {own("one"): (ACME, GLOBEX), own("left"): (INITECH,), own("right"): (UMBRELLA,)}
"""One server for both domains, and two with a domain each."""
ENDS = {
    "completed": Transfer.COMPLETED,
    "eager": Transfer.COMPLETED,
    "partial": Transfer.PARTIAL,
    "declined": Transfer.DECLINED,
    "dry run": Transfer.LISTED,
    "late joiner": Transfer.COMPLETED,
    "cancelled": Transfer.CANCELLED,
    "source changed": Transfer.FAILED,
    "expired": Transfer.EXPIRED,
    "sender killed": Transfer.EXPIRED,
}
THREADS = 32
WHILE_UNDER_WAY = (
    f"queue rollcast.lane.bob@{ACME}.",
    f"queue rollcast.lane.carol@{UMBRELLA}.",
    f"queue rollcast.inbox.alice@{INITECH}.",
    f"exchange rollcast.cast.{INITECH}.",
    f"binding {INNER[BULK]} alice@{INITECH}.",
    f"binding rollcast.lane bob@{ACME}.",
)


@contextmanager
def sessions_end_soon(node: Broker) -> Iterator[None]:
    """Inboxes of sessions last 5 s beyond their process, not 60: of argument and policy the shorter one counts."""
    path = node.path("policies", "test-sessions")
    pattern = r"^rollcast\.inbox\.[^.]+\.[0-9a-f]{32}$"
    policy = {"pattern": pattern, "apply-to": "queues", "definition": {"expires": 5_000}}
    management.call(node.management_url, "PUT", path, policy)
    try:
        yield
    finally:
        management.delete(node.management_url, path)


@pytest.fixture
def world(tmp_path: Path, node: Broker) -> Iterator[World]:
    """All servers, and the file that is sent."""
    clean(node)
    (tmp_path / "played.bin").write_bytes(FILE)
    with (
        sessions_end_soon(node),
        deployed(tmp_path, node, SERVERS) as made,
    ):
        yield made


async def test_nothing_is_left(world: World) -> None:
    """The same queues, exchanges, bindings, files and figures as before anything was sent."""
    # Who is played by hand holds a thread, and on two cores there would be six for all, the receivers included.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    companies = [Company(world, ACME, GLOBEX), Company(world, INITECH, UMBRELLA)]
    for company in companies:
        await company.enrol()
    async with companies[0].receiving(), companies[1].receiving():
        before = _held(world)
        playing = asyncio.gather(*(company.play() for company in companies))
        try:
            await until(lambda: _is_under_way(world), "something is under way")
        finally:
            ends = await playing
        assert ends == [ENDS, ENDS]
        await until(lambda: _held(world) == before, "all is as it was")
    assert [await asyncio.to_thread(_parked, world, name) for name in SERVERS] == [0, 0, 0]


def _held(world: World) -> set[str]:
    return holdings(world.node, world.running)


def _parked(world: World, server: str) -> int:
    return damage.depth(world.node, parked(server).name)


def _is_under_way(world: World) -> bool:
    held = _held(world)
    return all(any(name.startswith(kind) for name in held) for kind in WHILE_UNDER_WAY)
