"""A transaction on SQLite whose task is cancelled while it waits for the lock."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.e2e.locked import locked
from workers.ledger import Database

WAITS_S = 0.2
"""Enough for a thread to ask for the lock; nothing tells when it has."""


async def _transaction(database: Database) -> None:
    async with database.begin() as ledger:
        await ledger.execute(text("SELECT 1"))


async def test_it_leaves_no_lock(tmp_path: Path) -> None:
    """It ends when its thread does, and others can write then, this process too."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    database = Database(url)
    await _transaction(database)
    with locked(url):
        waiting = asyncio.create_task(_transaction(database))
        await asyncio.sleep(WAITS_S)
        waiting.cancel()
        await asyncio.wait({waiting}, timeout=WAITS_S)
        assert not waiting.done()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with closing(sqlite3.connect(tmp_path / "ledger.db", timeout=0, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    await _transaction(database)
    await database.close()
