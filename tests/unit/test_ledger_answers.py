"""Whether the ledger answers: a commit a moment ago says so, else it is asked."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from rollcast.errors import Permanent, Transient
from workers.ledger import Database, database, sqlite


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger's file, for which nobody waits while another one has locked it."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0)
    return tmp_path / "ledger.db"


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


async def test_a_commit_says_that_it_answers(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a busy ledger is not asked as well; after a while a question has to find it."""
    made = Database(f"sqlite:///{file}")
    await made.ping()
    with _locked(file):
        await made.ping()
        monkeypatch.setattr(database, "FRESH_S", 0.0)
        with pytest.raises(Transient, match="the ledger cannot be reached: database is locked"):
            await made.ping()
    await made.ping()
    await made.close()


async def test_what_fails_does_not_say_so(file: Path) -> None:
    """A transaction that was not committed is no answer."""
    made = Database(f"sqlite:///{file}")
    with pytest.raises(ValueError, match="a step's own"):
        async with made.begin():
            raise ValueError("a step's own")
    with _locked(file), pytest.raises(Transient):
        await made.ping()
    await made.close()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """It is not made: it may be that a volume is not mounted."""
    with pytest.raises(Permanent, match="is not there"):
        Database(f"sqlite:///{tmp_path / 'no' / 'ledger.db'}")
    assert not (tmp_path / "no").exists()
