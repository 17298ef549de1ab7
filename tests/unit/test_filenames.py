"""Names of received files."""

from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast.filenames import MAX_BYTES, alternatives, problem


@pytest.mark.parametrize(
    "name", ["", ".", "..", "/etc/passwd", "../x", "a/b", "a\0b", "a\nb", "\x1b[31m", "\x85", "é" * 128]
)
def test_a_name_that_leads_astray_is_refused(name: str) -> None:
    """Nothing leaves the folder, nothing plays tricks on a terminal."""
    assert problem(name) is not None


@pytest.mark.parametrize("name", ["a", ".hidden", "a..b", "...", "naïve ☂.txt", "x" * 255, "-rf"])
def test_an_ordinary_name_is_fine(name: str) -> None:
    """Odd but harmless names are kept."""
    assert problem(name) is None


@given(st.text(min_size=1, max_size=80).filter(lambda name: problem(name) is None))
def test_alternatives_are_names_in_the_same_folder(name: str) -> None:
    """Whatever is taken, the next name is another one that can be used."""
    names = list(islice(alternatives(name), 12))
    assert names[0] == name
    assert len(set(names)) == len(names)
    assert all(problem(one) is None and len(one.encode()) <= MAX_BYTES for one in names)
    assert all(Path("folder", one).parent == Path("folder") for one in names)


def test_the_number_stands_before_the_extension() -> None:
    """As people expect it."""
    assert list(islice(alternatives("plan.pdf"), 3)) == ["plan.pdf", "plan (2).pdf", "plan (3).pdf"]
    assert list(islice(alternatives("é" * 127), 2))[1] == "é" * 125 + " (2)"


def test_what_is_too_long_for_an_extension_is_none() -> None:
    """It would leave no room for the number."""
    assert list(islice(alternatives("a." + "b" * 253), 2))[1] == "a." + "b" * 249 + " (2)"
