"""A ledger that a test keeps for itself, so that all who want to write to it have to wait."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager


@contextmanager
def locked(ledger_url: str) -> Iterator[None]:
    """Hold the write lock of a ledger on SQLite."""
    file = ledger_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
