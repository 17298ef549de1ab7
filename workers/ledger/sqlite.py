"""The ledger on SQLite: one writing connection per process, used from the event loop.

A statement takes some 50 µs, a hop into a thread and back takes longer; so only what can wait for another
process or for the disk, BEGIN and COMMIT, goes to a thread.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL, CursorResult

from rollcast.errors import Permanent
from workers.ledger.session import Records

BUSY_TIMEOUT_S = 30
T = TypeVar("T")


class Sqlite:
    """A database file."""

    def __init__(self, url: URL) -> None:
        _require_folder(url)
        self._engine = create_engine(
            url,
            connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
            max_overflow=0,
            hide_parameters=True,
        )
        event.listen(self._engine, "connect", _configure)
        event.listen(self._engine, "begin", _begin)
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["SqliteSession"]:
        """A transaction that holds the write lock from its start."""
        async with self._one_at_a_time:
            with self._engine.connect() as connection:
                transaction = await _to_the_end(connection.begin)
                try:
                    yield SqliteSession(connection)
                except BaseException:
                    transaction.rollback()
                    raise
                await _to_the_end(transaction.commit)

    async def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()


class SqliteSession:
    """An open transaction."""

    def __init__(self, connection: Connection) -> None:
        self.now = time.time_ns() // 1000
        self._connection = connection

    def insert(self, table: Table) -> sqlite.Insert:
        """An insert that knows ON CONFLICT."""
        return sqlite.insert(table)

    async def execute(self, statement: Executable, records: Records | None) -> CursorResult[Any]:
        """Run a statement, once for each record if there are any."""
        return self._connection.execute(statement, records)

    async def run(self, work: Callable[[Connection], None]) -> None:
        """Run `work` on the connection."""
        work(self._connection)


def _require_folder(url: URL) -> None:
    folder = Path(url.database or "").resolve().parent
    if not folder.is_dir():
        raise Permanent(
            f"the folder {folder} of the ledger is not there",
            hint="Make it, or name another one with ROLLCAST_LEDGER.",
            code="ledger_unavailable",
        )


async def _to_the_end(work: Callable[[], T]) -> T:
    # Who is cancelled waits for the thread: else it would go on with a connection that is given back already.
    working = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.gather(working, return_exceptions=True)
        raise


def _configure(connection: Any, _: Any) -> None:
    # The driver must not open transactions by itself: it would leave reads outside of them.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin(connection: Connection) -> None:
    # A lock taken at the first write only would end in "database is locked" in spite of the timeout.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
