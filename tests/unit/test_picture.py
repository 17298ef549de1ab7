"""The picture of a dashboard: all of its panels, from what a Prometheus answers."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest

from dev.monitoring import quantities, queries
from dev.monitoring.__main__ import PICTURE
from dev.monitoring.picture import POINTS, Span, draw
from dev.monitoring.prometheus import Prometheus, Series

SVG = "{http://www.w3.org/2000/svg}"
OVERVIEW = queries.dashboards()["overview"]
SPAN = Span(1000.0, 1000.0 + POINTS)


class Answers(Prometheus):
    """Answers all queries with a straight line that has a gap."""

    def __init__(self) -> None:
        super().__init__("")
        self.asked: list[str] = []

    def over(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        """Up to 90 at the end."""
        self.asked.append(expr)
        times = [start + step * number for number in range(POINTS + 1) if not 40 < number < 50]
        return [Series({"server": "main", "state": "casting"}, tuple((at, at - start) for at in times))]


def _texts(svg: str) -> Iterator[str]:
    for element in ET.fromstring(svg).iter(f"{SVG}text"):
        yield element.text or ""


def test_all_panels_are_drawn_from_their_own_queries() -> None:
    """With their titles, the names of their series, and figures in their units."""
    answers = Answers()
    texts = list(_texts(draw("overview", OVERVIEW, answers, SPAN)))
    assert {panel["title"] for panel in OVERVIEW["panels"]} <= set(texts)
    assert answers.asked == [one.expr for one in queries.all_asked() if one.dashboard == "overview"]
    assert {"main casting", "main median", "100 s", "9e+03 %", "90"} <= set(texts)


def test_a_gap_is_a_gap() -> None:
    """A line is broken where there is nothing."""
    tree = ET.fromstring(draw("overview", OVERVIEW, Answers(), SPAN))
    assert {path.attrib["d"].count("M") for path in tree.iter(f"{SVG}path")} == {2}


def test_without_data_it_says_so() -> None:
    """And nothing is drawn."""

    class Silent(Answers):
        def over(self, expr: str, start: float, end: float, step: float) -> list[Series]:
            """Nothing."""
            return []

    svg = draw("overview", OVERVIEW, Silent(), SPAN)
    assert "no data" in set(_texts(svg))
    assert "<path" not in svg


def test_the_picture_in_the_documents_is_of_this_dashboard() -> None:
    """`python -m dev.monitoring` draws it anew; it is small, and no panel of it was without data."""
    svg = PICTURE.read_text()
    texts = set(_texts(svg))
    assert {panel["title"] for panel in OVERVIEW["panels"]} <= texts
    assert "no data" not in texts
    assert len(svg) < 100_000


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.5, "percentunit", "50 %"),
        (3 * 1024**2, "bytes", "3 MiB"),
        (2.5e6, "Bps", "2.5 MB/s"),
        (90, "s", "90 s"),
        (600, "s", "10 min"),
        (0.25, "ops", "0.25/s"),
        (1500, "short", "1.5 k"),
        (0, "bytes", "0"),
    ],
)
def test_quantities_are_readable(value: float, unit: str, text: str) -> None:
    """With their units, in at most three digits."""
    assert quantities.text(value, unit) == text


@pytest.mark.parametrize(
    ("value", "unit", "top"),
    [
        (0, "short", 1),
        (3, "short", 5),
        (11, "short", 20),
        (0.07, "s", 0.1),
        (3 * 1024**2, "bytes", 5 * 1024**2),
    ],
)
def test_axes_end_at_round_figures(value: float, unit: str, top: float) -> None:
    """At or above what is shown."""
    assert quantities.round_up(value, unit) == pytest.approx(top)
