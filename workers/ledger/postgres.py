"""The ledger on PostgreSQL, for pools on several machines."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import BigInteger, Connection, Executable, Table, cast, extract, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL, CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from workers.ledger.session import Records

KEPT, MOST = 8, 16
"""Connections of a process: so many stay open, and so many there are at the most."""
CONNECTED_WITHIN_S = 10.0
ANSWERED_WITHIN_S = 60.0
"""A statement that has no answer by then has none: the server is gone without a word."""
VANISHED_AFTER_S = 60
"""From then on the server lets go of what a worker holds whose machine is gone without a word."""

_SESSION = {
    "application_name": "rollcast",
    "idle_in_transaction_session_timeout": f"{VANISHED_AFTER_S}s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
_NOW = select(cast(extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger))


class Postgres:
    """A database on a server. Statements are `hurried`, unless they may take as long as they like."""

    def __init__(self, url: URL, *, hurried: bool) -> None:
        self._engine = create_async_engine(
            _for_driver(url),
            pool_size=KEPT,
            max_overflow=MOST - KEPT,
            pool_pre_ping=True,
            connect_args={
                "timeout": CONNECTED_WITHIN_S,
                "command_timeout": ANSWERED_WITHIN_S if hurried else None,
                "server_settings": _SESSION,
            },
            hide_parameters=True,
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


def _for_driver(url: URL) -> URL:
    # What all other clients call `sslmode` is `ssl` to this driver, with the same values.
    query = {"ssl" if key == "sslmode" else key: value for key, value in url.query.items()}
    return url.set(drivername="postgresql+asyncpg", query=query)
