"""What each kind of database offers to the ledger."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from sqlalchemy import Connection, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult

Records = list[dict[str, Any]]
Insert = postgresql.Insert | sqlite.Insert


class Session(Protocol):
    """An open transaction of one kind of database."""

    @property
    def now(self) -> int:
        """The instant of the transaction."""

    def insert(self, table: Table) -> Insert:
        """An insert that knows ON CONFLICT."""

    async def execute(self, statement: Executable, records: Records | None) -> CursorResult[Any]:
        """Run a statement, once for each record if there are any."""

    async def run(self, work: Callable[[Connection], None]) -> None:
        """Run `work` on the connection."""


class Backend(Protocol):
    """A kind of database."""

    def begin(self) -> AbstractAsyncContextManager[Session]:
        """A transaction, committed at the end of the block."""

    async def close(self) -> None:
        """Close all connections."""
