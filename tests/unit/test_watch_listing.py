"""Which files of a folder are sent, and when they are complete."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast.watch.listing import Version, is_unfinished, look
from rollcast.watch.settling import Settling

SETTLE = 5.0


def version(number: int, mtime: int = 0) -> Version:
    """A version that differs from those of other numbers."""
    return Version(number, mtime, number)


@pytest.mark.parametrize(
    "name", [".x", ".a.bin", "~$d.docx", "a~", "a.part", "A.PART", "a.filepart", "a.tmp", "a.bin.partial"]
)
def test_names_of_unfinished_files(name: str) -> None:
    """Hidden ones, and those that programs use while they write."""
    assert is_unfinished(name)


@pytest.mark.parametrize("name", ["a", "a.bin", "part", "tmp", "a.part.zip", "party.parts", "a~b"])
def test_names_of_finished_files(name: str) -> None:
    """What only looks alike."""
    assert not is_unfinished(name)


def test_only_regular_files_are_files(tmp_path: Path) -> None:
    """Of the rest it is said what it is; unfinished files are not even that."""
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "below").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "new\nline").touch()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).touch()
    (tmp_path / ".rollcast").mkdir()
    (tmp_path / "a.part").touch()
    listing = look(tmp_path)
    status = (tmp_path / "a").stat()
    assert listing.files == {"a": Version(5, status.st_mtime_ns, status.st_ctime_ns)}
    assert listing.others == {
        "below": "is a folder",
        "link": "is a symbolic link",
        "dangling": "is a symbolic link",
        "pipe": "is not a regular file",
        "new\nline": "has a name that holds control characters",
        "\udcff": "has a name that is not UTF-8",
    }


def test_a_folder_that_is_away_is_an_error(tmp_path: Path) -> None:
    """And not an empty one: its files have not gone."""
    with pytest.raises(OSError, match="No such file"):
        look(tmp_path / "away")


def test_a_file_settles_when_nothing_about_it_changes() -> None:
    """Each change begins the time anew; so does an absence."""
    settling = Settling(SETTLE)
    for now, files, complete in [
        (0.0, {"a": version(1)}, []),
        (4.5, {"a": version(1)}, []),
        (4.75, {"a": version(2)}, []),
        (9.5, {"a": version(2), "b": version(1)}, []),
        (9.75, {"a": version(2), "b": version(1)}, ["a"]),
        (10.0, {"b": version(1)}, []),
        (11.0, {"a": version(2), "b": version(1)}, []),
        (15.0, {"a": version(2), "b": version(1)}, ["b"]),
    ]:
        assert list(settling.settled(files, now)) == complete, now


def test_the_oldest_comes_first() -> None:
    """By the time of its last change, then by its name."""
    settling = Settling(0)
    files = {"c": version(1, mtime=1), "b": version(1, mtime=2), "a": version(1, mtime=2)}
    assert list(settling.settled(files, 0.0)) == ["c", "a", "b"]


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 2)), min_size=1))
def test_what_settles_has_not_changed_for_that_long(steps: list[tuple[float, int]]) -> None:
    """Whatever a writer does between two looks; and what has not changed for that long has settled."""
    settling, now, seen = Settling(SETTLE), 0.0, list[tuple[float, int]]()
    for wait, number in steps:
        now += wait
        seen.append((now, number))
        settled = bool(settling.settled({"a": version(number)}, now))
        changed = next((i for i in range(len(seen) - 1, -1, -1) if seen[i][1] != number), -1) + 1
        assert settled == (now - seen[changed][0] >= SETTLE)
