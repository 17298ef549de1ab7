"""The ledger's database: what a transaction offers to steps, whichever database is behind it."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Executable, Row
from sqlalchemy.engine import URL, CursorResult, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from rollcast.errors import Permanent, Transient
from workers.ledger.postgres import Postgres
from workers.ledger.session import Backend, Records, Session
from workers.ledger.sqlite import Sqlite
from workers.ledger.tables import events

FRESH_S = 3.0
"""Seconds for which a commit says that the ledger answers."""


class Ledger:
    """One transaction on the ledger. `now` is its instant, from the database's clock, in µs UTC."""

    def __init__(self, session: Session) -> None:
        self.now = session.now
        self.insert = session.insert
        self.run = session.run
        self._session = session
        self.effects: list[Callable[[], object]] = []

    async def execute(self, statement: Executable, records: Records | None = None) -> CursorResult[Any]:
        """Run a statement; with `records` once for each of them (none: not at all, so give at least one)."""
        return await self._session.execute(statement, records)

    async def all(self, statement: Executable) -> Sequence[Row[Any]]:
        """All rows of a query."""
        return (await self.execute(statement)).all()

    async def first(self, statement: Executable) -> Row[Any] | None:
        """The first row of a query, or None."""
        return (await self.execute(statement)).first()

    async def count(self, statement: Executable) -> int:
        """The one number that a query gives."""
        return int((await self.execute(statement)).scalar_one())

    def on_commit(self, effect: Callable[[], object]) -> None:
        """Call `effect` when the transaction is committed, and never if it is not: for what is only counted."""
        self.effects.append(effect)

    async def note(self, transfer_id: str, happened: Sequence[tuple[str | None, str, str | None]]) -> None:
        """Append (address, event, detail) to the audit trail of a transfer."""
        if happened:
            rows = [
                {"at": self.now, "transfer_id": transfer_id, "address": a, "event": e, "detail": d}
                for a, e, d in happened
            ]
            await self.execute(events.insert(), rows)


class Database:
    """The ledger's database; `url` is `sqlite:///path` or `postgresql://…`.

    `hurried`: a statement that takes a minute has failed. On SQLite there is nobody to wait for.
    """

    def __init__(self, url: str, *, hurried: bool = True) -> None:
        self.url = make_url(url)
        self._backend = _backend(self.url, hurried)
        self._answered_at: float | None = None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Ledger]:
        """A transaction, committed at the end of the block; `Transient` if the database is not there."""
        try:
            async with self._backend.begin() as session:
                ledger = Ledger(session)
                yield ledger
            self._answered_at = time.monotonic()
        except (OperationalError, PoolTimeout, OSError) as error:
            raise Transient(
                f"the ledger cannot be reached: {_reason(error)}", code="ledger_unavailable"
            ) from error
        except DBAPIError as error:
            sqlstate = getattr(error.orig, "sqlstate", None) or ""
            if error.connection_invalidated or sqlstate.startswith(_PASSING):
                raise Transient(f"the ledger gave up a transaction: {_reason(error)}") from error
            if sqlstate.startswith(_SHUT):
                raise Transient(
                    f"the ledger does not let us in: {_reason(error)}", code="ledger_unavailable"
                ) from error
            raise
        for effect in ledger.effects:
            effect()

    async def ping(self) -> None:
        """Return if it answers, or has just done so; `Transient` if it is not there."""
        if self._answered_at is None or time.monotonic() - self._answered_at > FRESH_S:
            async with self.begin():
                pass

    async def close(self) -> None:
        """Close all connections."""
        await self._backend.close()


_PASSING = ("08", "40", "53", "57")
"""Classes of SQLSTATEs: connection lost, rolled back (as after a deadlock), resources short, operator intervenes."""

_SHUT = ("28", "3D")
"""Classes of SQLSTATEs: a wrong user or password, no such database. Whoever runs it can put that right."""


def _reason(error: Exception) -> str:
    """What the driver says, without the statement and its parameters; errors without words by their name."""
    said = getattr(error, "orig", None) or error
    return str(said) or type(said).__name__


def _backend(url: URL, hurried: bool) -> Backend:
    match url.get_backend_name():
        case "sqlite":
            return Sqlite(url)
        case "postgresql":
            return Postgres(url, hurried=hurried)
    raise Permanent(f"the ledger is neither sqlite:// nor postgresql:// but {url.drivername}://")
