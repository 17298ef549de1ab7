"""Which spool is a server's is agreed on in the ledger, by any number of workers on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from dev.postgres import Cluster
from tests.broker.conftest import server as server
from tests.broker.worksite import Worksite
from workers.identity import mark
from workers.identity.conflicts import Conflict
from workers.settings import Settings
from workers.spool.store import Store

WORKERS = 6


@pytest.fixture
async def site(tmp_path: Path, server: Settings, postgres_cluster: Cluster) -> AsyncIterator[Worksite]:
    """A server with an empty database."""
    database = postgres_cluster.database(server.server.replace("-", "_"))
    made = Worksite(tmp_path, server, database)
    yield made
    await made.close()


async def test_many_start_at_once(site: Worksite) -> None:
    """As when a server is deployed."""
    await site.many_start(WORKERS)


async def test_two_spools_at_once(site: Worksite) -> None:
    """As of two machines with a folder each: the one that comes first is the server's, the other is refused."""
    spools = ["first", "second"] * (WORKERS // 2)
    guards = [await site.guard(site.settings(spool=name)) for name in spools]
    ways = await asyncio.gather(*(guard.establish() for guard in guards), return_exceptions=True)
    refused = {name for name, way in zip(spools, ways, strict=True) if isinstance(way, Conflict)}
    assert len(refused) == 1, ways
    assert sum(isinstance(way, BaseException) for way in ways) == WORKERS // 2
    (other,) = refused
    assert await mark.read(Store(site.settings(spool=other).spool_url)) is None


async def test_two_sets_of_domains_at_once(site: Worksite) -> None:
    """At most one of them is recorded, and whoever has another one finds out."""
    settings = [site.settings(), replace(site.settings(), domains=site.settings().domains[:1])]
    guards = [await site.guard(one) for one in settings]
    await asyncio.gather(*(guard.establish() for guard in guards), return_exceptions=True)
    ways = await asyncio.gather(*(guard.check() for guard in guards), return_exceptions=True)
    assert [type(way) for way in ways if way is not None] == [Conflict], ways
