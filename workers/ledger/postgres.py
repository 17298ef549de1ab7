"""The ledger on PostgreSQL, for pools on several machines."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import BigInteger, Connection, Executable, Table, cast, extract, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL, CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from workers.ledger.session import Records

_NOW = select(cast(extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger))


class Postgres:
    """A database on a server."""

    def __init__(self, url: URL) -> None:
        self._engine = create_async_engine(
            url.set(drivername="postgresql+asyncpg"), pool_size=8, max_overflow=8, pool_pre_ping=True
        )

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["PostgresSession"]:
        """A transaction, READ COMMITTED: who counts must lock first."""
        async with self._engine.begin() as connection:
            now = int((await connection.execute(_NOW)).scalar_one())
            yield PostgresSession(connection, now)

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


class PostgresSession:
    """An open transaction."""

    def __init__(self, connection: AsyncConnection, now: int) -> None:
        self.now = now
        self._connection = connection

    def insert(self, table: Table) -> postgresql.Insert:
        """An insert that knows ON CONFLICT."""
        return postgresql.insert(table)

    async def execute(self, statement: Executable, records: Records | None) -> CursorResult[Any]:
        """Run a statement, once for each record if there are any."""
        return await self._connection.execute(statement, records)

    async def run(self, work: Callable[[Connection], None]) -> None:
        """Run `work` on the connection."""
        await self._connection.run_sync(work)
