"""What a watch remembers of the files that it has sent."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rollcast.errors import FileUnusable
from rollcast.watch.journal import GONE_KEPT, Journal, State
from rollcast.watch.listing import Version
from tests.people import ALICE, EVE

ONE, TWO, THREE = "1" * 32, "2" * 32, "3" * 32
FIRST, TOUCHED, OTHER = Version(5, 10, 10), Version(5, 11, 11), Version(6, 12, 12)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder."""
    (tmp_path / "drop").mkdir()
    return tmp_path / "drop"


@pytest.fixture
def journal(tmp_path: Path, folder: Path) -> Iterator[Journal]:
    """An empty journal."""
    with Journal.open(tmp_path, folder, ALICE) as opened:
        yield opened


def reopened(tmp_path: Path, folder: Path) -> list[tuple[str, State]]:
    """What the next process finds unfinished."""
    with Journal.open(tmp_path, folder, ALICE) as journal:
        return [(entry.transfer_id, entry.state) for entry in journal.unfinished()]


def test_what_was_begun_is_found_again(tmp_path: Path, folder: Path) -> None:
    """In its order, until it was told how it ended."""
    with Journal.open(tmp_path, folder, ALICE) as journal:
        one = journal.begin(ONE, "a", FIRST, "x")
        two = journal.begin(TWO, "b", FIRST, "x")
        journal.begin(THREE, "c", FIRST, "x")
        journal.uploaded(two)
    assert reopened(tmp_path, folder) == [
        (ONE, State.SENDING),
        (TWO, State.UPLOADED),
        (THREE, State.SENDING),
    ]
    with Journal.open(tmp_path, folder, ALICE) as journal:
        journal.ended(journal.get(TWO))
        journal.forget(one)
        assert journal.last("a") is None
    assert reopened(tmp_path, folder) == [(THREE, State.SENDING)]


def test_a_file_is_new_when_it_shows_something_else(journal: Journal) -> None:
    """Only its content decides then."""
    assert journal.compare({"a": FIRST}) == {"a": FIRST}
    journal.ended(journal.begin(ONE, "a", FIRST, "x"))
    assert journal.compare({"a": FIRST}) == {}
    assert journal.compare({"a": TOUCHED}) == {"a": TOUCHED}
    assert journal.has_content("a", "x")
    assert not journal.has_content("a", "y")
    journal.unchanged("a", TOUCHED)
    assert journal.compare({"a": TOUCHED}) == {}


def test_a_file_that_was_taken_away(journal: Journal) -> None:
    """If the same one comes back, as with a folder that was unmounted, it is known; another one is a new file."""
    for name, back, is_new in [
        ("a", FIRST, False),
        ("b", FIRST._replace(ctime_ns=99), False),
        ("c", TOUCHED, True),
    ]:
        journal.ended(journal.begin(name * 32, name, FIRST, "x"))
        assert journal.compare({}) == {}
        assert bool(journal.compare({name: back})) is is_new, name
        assert journal.has_content(name, "x") is not is_new, "the same content appears anew"


def test_a_new_version_takes_the_place_of_the_former(tmp_path: Path, folder: Path) -> None:
    """But the former is followed to its end."""
    with Journal.open(tmp_path, folder, ALICE) as journal:
        one = journal.begin(ONE, "a", FIRST, "x")
        journal.uploaded(one)
        two = journal.begin(TWO, "a", OTHER, "y")
        assert journal.compare({"a": FIRST}) == {"a": FIRST}
    assert [id for id, _ in reopened(tmp_path, folder)] == [ONE, TWO]
    with Journal.open(tmp_path, folder, ALICE) as journal:
        assert journal.last("a") == two
        journal.ended(journal.get(TWO))
        journal.ended(journal.get(ONE))
        assert journal.compare({"a": OTHER}) == {}
        journal.ended(journal.begin(THREE, "a", FIRST, "x"))
    (database,) = (tmp_path / "watch").iterdir()
    assert [row[0] for row in sqlite3.connect(database).execute("SELECT transfer_id FROM sent")] == [THREE]


def test_what_has_gone_for_long_is_forgotten(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it is still under way."""
    journal.ended(journal.begin(ONE, "a", FIRST, "x"))
    journal.begin(TWO, "b", FIRST, "x")
    now = [1_000_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    for waited, known in [(0, True), (GONE_KEPT, True), (1, False)]:
        now[0] += waited
        journal.compare({})
        assert (journal.last("a") is not None) is known, waited
    assert journal.last("b") is not None


def test_one_process_at_a_time(tmp_path: Path, folder: Path, journal: Journal) -> None:
    """It is told who has it; another sender or another folder is somebody else's."""
    program = """
import sys
from pathlib import Path
from rollcast.watch import Journal
with Journal.open(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]):
    print("has it")
"""

    def second(place: Path, sender: str) -> str:
        words = [sys.executable, "-c", program, str(tmp_path), str(place), sender]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    (tmp_path / "alias").symlink_to(folder)
    assert f"{ALICE} in {folder}" in second(tmp_path / "alias", ALICE)
    assert second(folder, EVE) == "has it\n"
    assert second(tmp_path, ALICE) == "has it\n"


def test_a_journal_that_cannot_be_kept(tmp_path: Path, folder: Path) -> None:
    """Then nothing may be sent: it might be sent twice."""
    (tmp_path / "watch").touch()
    with pytest.raises(FileUnusable, match="cannot be made"), Journal.open(tmp_path, folder, ALICE):
        pass
    (tmp_path / "watch").unlink()
    with Journal.open(tmp_path, folder, ALICE):
        (database,) = (tmp_path / "watch").glob("*.db")
    database.write_bytes(b"no database" * 1000)
    with pytest.raises(FileUnusable, match="cannot be used"), Journal.open(tmp_path, folder, ALICE):
        pass


def test_the_journal_is_for_its_owner_only(tmp_path: Path, journal: Journal) -> None:
    """It tells what was sent to whom."""
    (database,) = (tmp_path / "watch").glob("*.db")
    assert (database.stat().st_mode & 0o777, database.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_what_cannot_be_written_down_is_an_error(journal: Journal) -> None:
    """And says what to do."""
    journal.begin(ONE, "a", FIRST, "x")
    with pytest.raises(FileUnusable, match="cannot be written down") as caught:
        journal.begin(ONE, "b", FIRST, "x")
    assert "ROLLCAST_HOME" in caught.value.hint
