"""Tables, spans and bars as they fit into a terminal."""

import pytest

from rollcast.cli.tables import bar, cut, fitted
from rollcast.cli.texts import rate_text, share_text, span_text

HEAD = ("id", "n", "file", "why")
ROWS = [("0123", "1", "a-long-name.pdf", "nobody could and would receive"), ("4567", "22", "b", "")]


def test_a_table_is_as_wide_as_it_needs() -> None:
    """Where nobody counts the columns; numbers stand to the right."""
    assert fitted(HEAD, ROWS, width=None, flexible=(2, 3), right=(1,)) == [
        "id     n  file             why",
        "0123   1  a-long-name.pdf  nobody could and would receive",
        "4567  22  b",
    ]


@pytest.mark.parametrize("width", [56, 40, 32, 20, 5, 1])
def test_a_table_fits(width: int) -> None:
    """What is flexible is cut first, the last of it before the others; what an operator copies is whole."""
    lines = fitted(HEAD, ROWS, width=width, flexible=(2, 3), right=(1,))
    assert max(map(len, lines)) <= width
    if width >= 32:
        assert lines[1].startswith("0123   1  a-")
        assert lines[1].endswith("…")


def test_the_last_flexible_column_is_cut_first() -> None:
    """The name of the file is worth more than the reason."""
    assert (
        fitted(HEAD, ROWS, width=40, flexible=(2, 3), right=(1,))[1]
        == "0123   1  a-long-name.pdf  nobody could…"
    )


@pytest.mark.parametrize(
    ("width", "told"),
    [
        (60, "0123   1  a-long-name.pdf  nobody could and would receive"),
        (44, "0123   1  a-long-…  nobody could and would …"),
        (43, "0123  a-long-nam…  nobody could and would …"),
        (39, "a-long-name.…  nobody could and would …"),
        (20, "a-long-…  nobody co…"),
    ],
)
def test_columns_that_can_be_spared_are_left_out_first(width: int, told: str) -> None:
    """Until the last flexible one can be read; after that all is cut."""
    assert fitted(HEAD, ROWS, width=width, flexible=(2, 3), right=(1,), spare=([1], [0]))[1] == told


def test_wide_characters_count_double() -> None:
    """A terminal shows them so."""
    rows = [("日本語", "x"), ("abc", "y")]
    assert fitted(("n", "s"), rows, width=None) == ["n       s", "日本語  x", "abc     y"]
    assert cut("日本語", 4) == "日 …"


def test_nothing_in_a_cell_is_obeyed() -> None:
    """Control characters are told, not done."""
    assert fitted(("a",), [("\x1b[2J",)], width=None)[1] == "\\x1b[2J"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "120 min"),
        (7200, "2 h"),
        (10**6, "12 d"),
    ],
)
def test_a_span(seconds: float, told: str) -> None:
    """In the one unit that says enough."""
    assert span_text(seconds) == told


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [(0, 0, "100%"), (0, 9, "0%"), (999, 1000, "99%"), (1000, 1000, "100%"), (1001, 1000, "100%")],
)
def test_a_share(part: int, whole: int, told: str) -> None:
    """Nearly all is not all."""
    assert share_text(part, whole) == told


def test_a_bar_and_a_rate() -> None:
    """Full only when it is; no rate where none is known."""
    assert [bar(part, 10, 4) for part in (0, 5, 9, 10)] == ["────", "━━──", "━━━─", "━━━━"]
    assert bar(0, 0, 2) == "━━"
    assert (rate_text(None), rate_text(0), rate_text(2048)) == ("", "0 B/s", "2.0 KiB/s")
