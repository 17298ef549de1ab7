"""The populated ledger, made once and copied for each case, and one event loop for all cases."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.fuzz.cases import USUAL
from tests.fuzz.populated import populate
from tests.unit.steps.conftest import empty_ledger as empty_ledger
from tests.unit.steps.world import TimeTravel, World


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long profile takes as long as it takes."""
    if settings().max_examples > USUAL:
        for item in items:
            item.add_marker(pytest.mark.timeout(0))


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.Runner]:
    """An event loop for many short runs."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def ledger(empty_ledger: Path, loop: asyncio.Runner) -> Path:
    """A ledger file with transfers in every state."""
    loop.run(_populate(empty_ledger))
    return empty_ledger


async def _populate(file: Path) -> None:
    database = TimeTravel(f"sqlite:///{file}")
    await populate(World(database))
    await database.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a server keeps its ledger and its spool."""
    (tmp_path / "spool").mkdir()
    return tmp_path
