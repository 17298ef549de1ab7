"""The ledger's database, SQLite or PostgreSQL, and its transactions."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import BigInteger, Connection, Executable, Row, Table, cast, event, extract, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from rollcast.errors import Transient
from workers.ledger.tables import events

BUSY_TIMEOUT_S = 30
Records = list[dict[str, Any]]


class Ledger:
    """One transaction on the ledger. `now` is its instant, from the database's clock, in µs UTC."""

    def __init__(self, connection: AsyncConnection, now: int) -> None:
        self.now = now
        self._connection = connection
        self._postgres = connection.dialect.name == "postgresql"

    async def execute(self, statement: Executable, records: Records | None = None) -> CursorResult[Any]:
        """Run a statement; with `records` once for each of them (none: not at all, so give at least one)."""
        return await self._connection.execute(statement, records)

    async def all(self, statement: Executable) -> Sequence[Row[Any]]:
        """All rows of a query."""
        return (await self.execute(statement)).all()

    async def first(self, statement: Executable) -> Row[Any] | None:
        """The first row of a query, or None."""
        return (await self.execute(statement)).first()

    async def count(self, statement: Executable) -> int:
        """The one number that a query gives."""
        return int((await self.execute(statement)).scalar_one())

    async def run(self, work: Callable[[Connection], None]) -> None:
        """Run `work` on the connection of this transaction."""
        await self._connection.run_sync(work)

    def insert(self, table: Table) -> "postgresql.Insert | sqlite.Insert":
        """An insert that knows ON CONFLICT."""
        return postgresql.insert(table) if self._postgres else sqlite.insert(table)

    async def note(self, transfer_id: str, happened: Sequence[tuple[str | None, str, str | None]]) -> None:
        """Append (address, event, detail) to the audit trail of a transfer."""
        if happened:
            rows = [
                {"at": self.now, "transfer_id": transfer_id, "address": a, "event": e, "detail": d}
                for a, e, d in happened
            ]
            await self.execute(events.insert(), rows)


class Database:
    """The ledger's engine. One connection writes at a time in each process.

    `url` is `sqlite:///path` or `postgresql://…`; the driver is added here.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.url = parsed.set(drivername=_DRIVERS[parsed.get_backend_name()])
        self.engine: AsyncEngine = _sqlite(self.url) if _is_sqlite(self.url) else _postgres(self.url)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Ledger]:
        """A transaction, committed at the end of the block; `Transient` if the database is not there."""
        try:
            async with self.engine.begin() as connection:
                yield Ledger(connection, await self._now(connection))
        except (OperationalError, OSError) as error:
            raise Transient(f"the ledger cannot be reached: {error}", code="ledger_unavailable") from error
        except DBAPIError as error:
            if error.connection_invalidated or _serialization_failure(error):
                raise Transient(f"the ledger gave up a transaction: {error}") from error
            raise

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()

    async def _now(self, connection: AsyncConnection) -> int:
        if _is_sqlite(self.url):
            return time.time_ns() // 1000
        clock = cast(extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)
        return int((await connection.execute(select(clock))).scalar_one())


_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


def _is_sqlite(url: Any) -> bool:
    return bool(url.get_backend_name() == "sqlite")


def _serialization_failure(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in {"40001", "40P01"}


def _postgres(url: Any) -> AsyncEngine:
    return create_async_engine(url, pool_size=8, max_overflow=8, pool_pre_ping=True)


def _sqlite(url: Any) -> AsyncEngine:
    engine = create_async_engine(
        url, pool_size=1, max_overflow=0, pool_timeout=120, connect_args={"timeout": BUSY_TIMEOUT_S}
    )

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        # The driver must not open transactions by itself: it would leave reads outside of them.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={BUSY_TIMEOUT_S * 1000}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        # A lock taken at the first write only would end in "database is locked" in spite of the timeout.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
