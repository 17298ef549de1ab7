"""What a receiver remembers over its own death."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast.errors import FileUnusable
from rollcast.messages import ReceiptReported
from rollcast.receiving.journal import Journal, Line
from rollcast.receiving.journals import KEPT_AFTER_EXPIRY_US, Journals
from tests.people import BOB, CAROL_OF_ACME
from tests.unit.offers import TRANSFER, offer

RECEIPT = ReceiptReported(transfer_id=TRANSFER, outcome="delivered", bytes=3, stored_as="a.bin")


def test_a_journal_says_what_was_noted(tmp_path: Path) -> None:
    """A new process knows what the old one knew."""
    path = tmp_path / "j.json"
    journal = Journal.create(path, offer())
    journal.note(Line(accept=True, detail="gladly"))
    journal.note(Line(opened=True))
    journal.note_chunk(3)
    journal.note(Line(naming="a.bin"))
    journal.note(Line(receipt=RECEIPT))
    journal.sync()
    journal.close()

    loaded = Journal.load(path)

    assert loaded is not None
    assert loaded.offer == offer()
    assert (loaded.accept, loaded.detail, loaded.opened) == (True, "gladly", True)
    assert (loaded.naming, loaded.receipt, loaded.recorded) == ("a.bin", RECEIPT, False)
    assert list(loaded.chunks()) == [(3, 4)]


@given(st.data())
def test_a_torn_journal_is_believed_up_to_the_tear(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Wherever a journal breaks off, what stands before is kept and what is noted later is found again."""
    path = tmp_path_factory.mktemp("torn") / "j.json"
    journal = Journal.create(path, offer())
    begin = path.stat().st_size
    for index in range(5):
        journal.note_chunk(index)
    journal.close()
    whole = path.read_bytes()
    size = data.draw(st.integers(begin, len(whole)))
    path.write_bytes(whole[:size])

    loaded = Journal.load(path)

    assert loaded is not None
    kept = list(loaded.chunks())
    assert kept == [(index, index + 1) for index in range(whole[:size].count(b"\n") - 1)]
    loaded.note_chunk(9)
    loaded.close()
    again = Journal.load(path)
    assert again is not None
    assert list(again.chunks()) == [*kept, (9, 10)]


def test_a_line_that_the_disk_cuts_off_hides_no_later_one(tmp_path: Path) -> None:
    """What was written of it is taken back, and there is room again for others."""
    path = tmp_path / "j.json"
    journal = Journal.create(path, offer())
    journal.note_chunk(0)
    with room_for(path.stat().st_size + 5), pytest.raises(OSError, match="No space"):
        journal.note_chunk(1)
    journal.note_chunk(2)
    journal.close()

    loaded = Journal.load(path)

    assert loaded is not None
    assert list(loaded.chunks()) == [(0, 1), (2, 3)]


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file may become larger, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_journal_without_its_offer_is_none(tmp_path: Path) -> None:
    """A process that was killed while it wrote the first line knew nothing yet."""
    path = tmp_path / "j.json"
    path.write_bytes(b'{"offer":{"trans')
    assert Journal.load(path) is None


def test_a_new_start_forgets_the_chunks(tmp_path: Path) -> None:
    """When the part file is thrown away, so is what was noted of it."""
    journal = Journal.create(tmp_path / "j.json", offer())
    journal.note_chunk(1)
    journal.note(Line(naming="a.bin"))
    journal.note(Line(restarted=True))
    journal.note_chunk(2)
    journal.close()
    assert list(journal.chunks()) == [(2, 3)]
    assert journal.naming is None


def test_journals_are_found_again(tmp_path: Path) -> None:
    """A folder keeps its journals until the transfers have expired."""
    with Journals(tmp_path, BOB) as journals:
        journals.begin(offer(expires_at=1_000))
        journals.part(TRANSFER).open()
    with Journals(tmp_path, BOB) as journals:
        assert journals.get(TRANSFER) is not None
        journals.prune(1_000)
        assert journals.get(TRANSFER) is not None
        journals.prune(1_001 + KEPT_AFTER_EXPIRY_US)
        assert journals.get(TRANSFER) is None
        assert {path.name for path in (tmp_path / ".rollcast").iterdir()} == {"address"}


@pytest.mark.parametrize("other", [CAROL_OF_ACME, BOB])
def test_a_folder_belongs_to_one_process_at_a_time(tmp_path: Path, other: str) -> None:
    """Two would write the same part files and journals."""
    with Journals(tmp_path, BOB):
        with pytest.raises(FileUnusable, match=f"{BOB} receives into") as caught, Journals(tmp_path, other):
            pass
        assert caught.value.code == "folder_in_use"
    with Journals(tmp_path, CAROL_OF_ACME):
        pass


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """The error says which folder cannot be used."""
    (tmp_path / "file").touch()
    with pytest.raises(FileUnusable, match="file"), Journals(tmp_path / "file", BOB):
        pass
