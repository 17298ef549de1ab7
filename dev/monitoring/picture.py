"""A dashboard drawn as SVG from what a Prometheus answers to its queries, about as Grafana would draw it."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, NamedTuple

from dev.monitoring import quantities
from dev.monitoring.prometheus import Prometheus, Series
from dev.monitoring.queries import asked_by

COLUMN, LINE, GAP = 50, 30, 6
"""Pixels: of a column and of a line of the grid, and between panels."""
LEGEND = 14
"""Pixels of a line of the legend."""
POINTS = 90
"""Samples of a series."""
COLOURS = ("#3274d9", "#e0752d", "#3f9b57", "#b8385c", "#8f6bb3", "#c9a227", "#3aa0a8", "#7a7a7a")
STYLE = """\
svg{background:#f4f5f8}text{font-family:sans-serif;font-size:11px;fill:#464c54}
.p{fill:#fff;stroke:#dce0e6}.t{font-weight:bold;font-size:12px}.h{font-weight:bold;font-size:14px}
.g{stroke:#e8eaee}.n{font-size:30px;text-anchor:middle;fill:#3274d9}.y{text-anchor:end}.x{text-anchor:middle}
path{fill:none;stroke-width:1.5;stroke-linecap:round}"""
Json = dict[str, Any]


class Span(NamedTuple):
    """The time that is drawn, in Unix seconds."""

    start: float
    end: float


class Curve(NamedTuple):
    """A series with its name."""

    name: str
    samples: Sequence[tuple[float, float]]


class Frame(NamedTuple):
    """The place of a drawing in pixels, and what it spans."""

    left: float
    top: float
    width: float
    height: float
    span: Span
    highest: float

    def place(self, at: float, value: float) -> tuple[float, float]:
        """Where a sample lies."""
        across = (at - self.span.start) / (self.span.end - self.span.start)
        up = min(value / self.highest, 1)
        return self.left + across * self.width, self.top + (1 - up) * self.height


def draw(name: str, dashboard: Json, prometheus: Prometheus, span: Span) -> str:
    """The dashboard over a span of time."""
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    height = max(place["y"] + place["h"] for place in places) * LINE + GAP
    body = "".join(part for panel in dashboard["panels"] for part in _panel(name, panel, prometheus, span))
    size = f'viewBox="0 0 {24 * COLUMN} {height}" width="{24 * COLUMN}" height="{height}"'
    title = f"<title>{escape(dashboard['title'])}</title>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{title}<style>{STYLE}</style>\n{body}</svg>\n'


def _panel(name: str, panel: Json, prometheus: Prometheus, span: Span) -> Iterator[str]:
    place = panel["gridPos"]
    left, top = place["x"] * COLUMN + GAP / 2, place["y"] * LINE + GAP / 2
    width, height = place["w"] * COLUMN - GAP, place["h"] * LINE - GAP
    if panel["type"] == "row":
        yield f'<text class="h" x="{left + 8:g}" y="{top + 17:g}">{escape(panel["title"])}</text>\n'
        return
    yield f'<rect class="p" x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}"/>'
    yield f'<text class="t" x="{left + 8:g}" y="{top + 17:g}">{escape(panel["title"])}</text>\n'
    unit = panel["fieldConfig"]["defaults"]["unit"]
    curves = _curves(name, panel, prometheus, span)
    if panel["type"] == "stat":
        yield _number(curves, unit, left + width / 2, top + height * 0.68)
    else:
        stacked = panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal"
        curves = list(_stacked(curves)) if stacked else curves
        highest = quantities.round_up(max((v for curve in curves for _, v in curve.samples), default=0), unit)
        names = list(_placed([curve.name for curve in curves], width - 20))
        below = 12 + LEGEND * (1 + max((line for _, _, line in names), default=0))
        frame = Frame(left + 62, top + 28, width - 76, height - 44 - below, span, highest)
        yield from _axes(frame, unit)
        yield from _lines(frame, curves, stacked)
        yield from _legend(names, left + 10, top + height - below + 14)


def _curves(name: str, panel: Json, prometheus: Prometheus, span: Span) -> list[Curve]:
    step = (span.end - span.start) / POINTS
    curves = [
        Curve(_called(asked.legend, series), [(at, value) for at, value in series.samples if value == value])
        for asked in asked_by(name, panel)
        for series in prometheus.over(asked.expr, span.start, span.end, step)
    ]
    return [curve for curve in curves if curve.samples]


def _called(legend: str, series: Series) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: series.labels.get(found[1], ""), legend)


def _stacked(curves: Sequence[Curve]) -> Iterator[Curve]:
    """Each on top of those before it."""
    below: dict[float, float] = {}
    for curve in curves:
        for at, value in curve.samples:
            below[at] = below.get(at, 0) + value
        yield Curve(curve.name, [(at, below[at]) for at, _ in curve.samples])


def _number(curves: Sequence[Curve], unit: str, centre: float, base: float) -> str:
    shown = quantities.text(curves[0].samples[-1][1], unit) if curves else "no data"
    return f'<text class="n" x="{centre:g}" y="{base:g}">{shown}</text>\n'


def _axes(frame: Frame, unit: str) -> Iterator[str]:
    for part in (0, 0.5, 1):
        x, y = frame.place(frame.span.start, part * frame.highest)
        yield f'<line class="g" x1="{x:g}" y1="{y:g}" x2="{x + frame.width:g}" y2="{y:g}"/>'
        label = quantities.text(part * frame.highest, unit)
        yield f'<text class="y" x="{x - 5:g}" y="{y + 4:g}">{label}</text>'
        at = frame.span.start + part * (frame.span.end - frame.span.start)
        minutes, seconds = divmod(round(at - frame.span.start), 60)
        x, y = frame.place(at, 0)
        yield f'<text class="x" x="{x:g}" y="{y + 15:g}">{minutes}:{seconds:02}</text>\n'


def _lines(frame: Frame, curves: Sequence[Curve], filled: bool) -> Iterator[str]:
    longest = 1.5 * (frame.span.end - frame.span.start) / POINTS
    # Of those on top of each other the highest lies behind the others.
    for number, curve in reversed(list(enumerate(curves))):
        parts = [_bends(part) for part in _unbroken(curve.samples, longest)]
        yield from (_area(frame, part, _colour(number)) for part in parts if filled)
        lines = ("L".join("{:.1f} {:.1f}".format(*frame.place(*one)) for one in part) for part in parts)
        yield f'<path stroke="{_colour(number)}" d="{"".join(f"M{line}" for line in lines)}"/>\n'


def _area(frame: Frame, part: Sequence[tuple[float, float]], colour: str) -> str:
    corners = (frame.place(at, value) for at, value in ((part[0][0], 0), *part, (part[-1][0], 0)))
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return f'<polygon fill="{_light(colour)}" points="{points}"/>'


def _light(colour: str) -> str:
    """The colour with three times as much white."""
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{(part + 3 * 255) // 4:02x}" for part in parts)


def _unbroken(samples: Sequence[tuple[float, float]], longest: float) -> Iterator[list[tuple[float, float]]]:
    """The samples in parts, broken where there are none for more than `longest` seconds."""
    part: list[tuple[float, float]] = []
    for one in samples:
        if part and one[0] - part[-1][0] > longest:
            yield part
            part = []
        part.append(one)
    yield part


def _bends(samples: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The samples without those between two that are the same."""
    return [
        one
        for place, one in enumerate(samples)
        if place in {0, len(samples) - 1} or not samples[place - 1][1] == one[1] == samples[place + 1][1]
    ]


def _placed(names: Sequence[str], width: float) -> Iterator[tuple[str, float, int]]:
    """Each name with its place in a line, and its line."""
    x, line = 0.0, 0
    for name in names:
        takes = 20 + 6 * len(name)
        if x > 0 and x + takes > width:
            x, line = 0.0, line + 1
        yield name, x, line
        x += takes


def _legend(names: Sequence[tuple[str, float, int]], left: float, top: float) -> Iterator[str]:
    for number, (name, across, line) in enumerate(names):
        x, y = left + across, top + LEGEND * line
        yield f'<rect x="{x:g}" y="{y - 4:g}" width="10" height="3" fill="{_colour(number)}"/>'
        yield f'<text x="{x + 13:g}" y="{y:g}">{escape(name)}</text>\n'


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]
