"""Sizes and durations as people type them, and texts of the command line."""

import pytest

from rollcast.cli.texts import duration_text, plural, time_text, visible
from rollcast.messages.values import MAX_DURATION, MAX_FILE_SIZE
from rollcast.quantities import duration, file_size, size
from rollcast.sizes import size_text


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("512", 512),
        ("512B", 512),
        ("500kB", 500_000),
        ("100MiB", 100 * 1024**2),
        ("1.5 gib", 1536 * 1024**2),
        ("2TB", 2 * 10**12),
        ("64TiB", MAX_FILE_SIZE),
    ],
)
def test_sizes(text: str, count: int) -> None:
    """Decimal and binary units, in any case."""
    assert size(text) == file_size(text) == count


@pytest.mark.parametrize("text", ["", "-1", "MiB", "1M", "1e3", "1 MiB x", "nan", "٣kB", "9" * 99])
def test_no_sizes(text: str) -> None:
    """An unclear one is refused with a sentence."""
    for read in (size, file_size):
        with pytest.raises(ValueError, match=r"\w"):
            read(text)


def test_a_file_may_not_have_any_size() -> None:
    """Other things may."""
    assert size("65TiB") == 65 * 1024**4
    with pytest.raises(ValueError, match="more than a file may have"):
        file_size("65TiB")


@pytest.mark.parametrize("count", [2**53 + 1, 2**62, 10**19 - 1])
def test_numbers_of_bytes_are_exact(count: int) -> None:
    """However large."""
    assert size(str(count)) == count


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("60s", 60.0),
        ("1.5h", 5400.0),
        ("15m", 900.0),
        ("15min", 900.0),
        ("7d", 604_800.0),
        ("250ms", 0.25),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    """A number without a unit counts seconds."""
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "-1s", "s", "1w", "1h30m", "inf", "12d"])
def test_no_durations(text: str) -> None:
    """Neither is one that no request can carry."""
    with pytest.raises(ValueError, match=r"\w"):
        duration(text)


def test_the_longest_duration_can_be_said() -> None:
    """The bound is that of the messages."""
    assert duration(f"{MAX_DURATION}ms") * 1000 == MAX_DURATION


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1024**2 - 1, "1.0 MiB"), (5 * 1024**5, "5120.0 TiB")],
)
def test_sizes_are_read_easily(count: int, text: str) -> None:
    """With a unit that fits."""
    assert size_text(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "0.2 s"), (60.0, "60 s"), (90.0, "90 s"), (900.0, "15 min"), (86_400.0, "24 h")],
)
def test_durations_are_read_easily(seconds: float, text: str) -> None:
    """As one would type them."""
    assert duration_text(seconds) == text


def test_other_texts() -> None:
    """Instants are in UTC, one thing is no plural."""
    assert time_text(1_500_000) == "1970-01-01 00:00:01 UTC"
    assert [plural(number, "receiver") for number in (0, 1, 2)] == [
        "0 receivers",
        "1 receiver",
        "2 receivers",
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Übersicht 2.pdf", "Übersicht 2.pdf"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb\rc\td", "a\\nb\\rc\\td"),
        ("evil\u202egnp.exe", "evil\\u202egnp.exe"),
        ("\u2066x\u2069\u200f", "\\u2066x\\u2069\\u200f"),
        ("a\u2028b\x9bc\x7f", "a\\u2028b\\x9bc\\x7f"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_a_terminal_obeys_no_name(name: str, shown: str) -> None:
    """Control characters, line ends, overrides of direction and broken characters are escaped."""
    assert visible(name) == shown
