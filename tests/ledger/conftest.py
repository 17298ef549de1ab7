"""The fixtures of the steps' tests on PostgreSQL: one migrated database, emptied before each test."""

import asyncio
from collections.abc import Iterator

import pytest

from dev.postgres import Cluster
from tests.ledger.crowd import Crowd, crowd
from tests.unit.steps.conftest import bare as bare
from tests.unit.steps.conftest import empty_ledger as empty_ledger
from tests.unit.steps.conftest import other_ledger_url as other_ledger_url
from tests.unit.steps.conftest import pool as pool
from tests.unit.steps.conftest import world as world
from workers.ledger import Database
from workers.ledger.migrate import migrate
from workers.ledger.tables import identity, metadata


@pytest.fixture(scope="session")
def workers() -> Iterator[Crowd]:
    """Eight processes, which take their time to start."""
    with crowd() as started:
        yield started


@pytest.fixture(scope="session")
def migrated_url(postgres_cluster: Cluster) -> str:
    """The URL of a PostgreSQL database with the ledger's tables."""
    url = postgres_cluster.database("ledger")
    asyncio.run(migrate(url))
    return url


@pytest.fixture
def ledger_url(migrated_url: str) -> str:
    """The URL of an empty ledger."""
    asyncio.run(_empty(migrated_url))
    return migrated_url


async def _empty(url: str) -> None:
    database = Database(url)
    async with database.begin() as ledger:
        for table in reversed(metadata.sorted_tables):
            if table is not identity:
                await ledger.execute(table.delete())
    await database.close()
