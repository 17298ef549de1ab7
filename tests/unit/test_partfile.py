"""A file on its way in."""

import errno
import os
from pathlib import Path

import pytest

from rollcast.filenames import alternatives
from rollcast.receiving import partfile as module
from rollcast.receiving.partfile import PartFile


@pytest.fixture
def part(tmp_path: Path) -> PartFile:
    """A part file with some bytes."""
    part = PartFile(tmp_path / "part")
    part.open()
    part.write(3, b"def")
    part.write(0, b"abc")
    return part


def test_a_name_that_is_taken_is_left_alone(part: PartFile, tmp_path: Path) -> None:
    """The file gets the next free name, and the other one keeps its content."""
    (tmp_path / "a.txt").write_text("mine")
    (tmp_path / "a (2).txt").symlink_to(tmp_path / "nowhere")
    tried: list[str] = []
    assert part.take_name(tmp_path, alternatives("a.txt"), tried.append) == "a (3).txt"
    assert tried == ["a.txt", "a (2).txt", "a (3).txt"]
    assert (tmp_path / "a.txt").read_text() == "mine"
    assert (tmp_path / "a (3).txt").read_text() == "abcdef"
    assert not (tmp_path / "nowhere").exists()
    assert not part.path.exists()


def test_what_is_not_on_disk_has_no_name(
    part: PartFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be there, and told to have failed."""

    def broken(_: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(module, "_sync_folder", broken)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        part.take_name(tmp_path, ["a.txt"], lambda _: None)
    assert not list(tmp_path.glob("a.txt"))


def test_a_name_taken_before_a_crash_is_recognised(part: PartFile, tmp_path: Path) -> None:
    """Killed between link and unlink, or after both."""
    target = tmp_path / "a.txt"
    assert not part.has_taken(target)
    target.hardlink_to(part.path)
    assert part.has_taken(target)
    assert not part.path.exists()
    assert part.has_taken(target)


def test_anothers_file_is_not_ours(part: PartFile, tmp_path: Path) -> None:
    """Killed after the name was announced, while somebody else has it."""
    (tmp_path / "a.txt").write_text("abcdef")
    assert not part.has_taken(tmp_path / "a.txt")
    assert part.path.exists()


def test_a_discarded_file_is_gone(part: PartFile) -> None:
    """Discarding twice is fine."""
    part.discard()
    part.discard()
    assert not part.path.exists()
