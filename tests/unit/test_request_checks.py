"""What a request alone shows to be wrong."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from rollcast.errors import Permanent
from workers.request_checks import check_file_name


def is_fine(name: str) -> bool:
    """Whether a name is accepted."""
    with suppress(Permanent):
        check_file_name(name)
        return True
    return False


@given(st.text())
def test_a_fine_name_is_one_path_segment(name: str) -> None:
    """Whatever people write, what is accepted can be a file in the receiver's folder."""
    if is_fine(name):
        assert name not in {"", ".", ".."}
        assert 0 < len(name.encode()) <= 255
        assert not {"/", "\\", "\0", "\n"} & set(name)


@given(st.text(st.characters(categories=["L", "N", "Zs", "So", "Pd"]), min_size=1, max_size=60))
def test_words_in_any_script_are_fine(name: str) -> None:
    """Letters, digits, spaces, emoji and dashes, as long as they fit."""
    assert is_fine(name)
