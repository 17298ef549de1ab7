"""A server on an empty ledger in a file. `tests/ledger` runs the same tests with a `ledger_url` of PostgreSQL."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.people import ALICE, BOB, CAROL, DAVE, MALLORY
from tests.unit.steps.build import file, request
from tests.unit.steps.spool_pool import CHUNK, Pool
from tests.unit.steps.world import TimeTravel, World
from workers.ledger.migrate import migrate


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger file with its tables, to copy."""
    file = tmp_path_factory.mktemp("ledger") / "empty.db"
    asyncio.run(migrate(f"sqlite:///{file}"))
    return file


@pytest.fixture
def ledger_url(empty_ledger: Path, tmp_path: Path) -> str:
    """The URL of an empty ledger."""
    return f"sqlite:///{shutil.copy(empty_ledger, tmp_path / 'ledger.db')}"


@pytest.fixture
def other_ledger_url(empty_ledger: Path, tmp_path: Path) -> str:
    """The URL of a second empty ledger, for another server."""
    return f"sqlite:///{shutil.copy(empty_ledger, tmp_path / 'other.db')}"


@pytest.fixture
async def bare(ledger_url: str) -> AsyncIterator[World]:
    """A server without accounts."""
    database = TimeTravel(ledger_url)
    yield World(database)
    await database.close()


@pytest.fixture
async def world(bare: World) -> World:
    """A server with accounts whose terminals have registered to receive."""
    await bare.account(ALICE, BOB, CAROL, DAVE, MALLORY)
    return bare


@pytest.fixture
async def pool(world: World, tmp_path: Path) -> Pool:
    """A spooler, and a transfer of three chunks, the last one of ten bytes."""
    await world.casting(request(file=file(size=2 * CHUNK + 10), chunk_size=CHUNK))
    return Pool(world, tmp_path / "spool")
