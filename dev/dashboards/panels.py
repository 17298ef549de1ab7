"""What a dashboard is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

SERVER = 'server=~"$server"'
"""The matcher that every series of a server gets."""
RATE = "[$__rate_interval]"

Kind = Literal["timeseries", "stat"]


@dataclass(frozen=True)
class Query:
    """A query in PromQL, and how its series are called."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """A panel; `unit` is one of Grafana's, `width` of 24."""

    title: str
    description: str
    unit: str
    queries: Sequence[Query]
    kind: Kind = "timeseries"
    width: int = 8
    stacked: bool = False


@dataclass(frozen=True)
class Row:
    """Panels below a heading."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Dashboard:
    """Rows of panels."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]


def stat(title: str, description: str, unit: str, expr: str) -> Panel:
    """A number."""
    return Panel(title, description, unit, (Query(expr, "{{server}}"),), "stat", width=4)


def quantiles(metric: str, also: str = "") -> tuple[Query, Query]:
    """The median and the 95th percentile of a histogram, over five minutes."""
    matchers = ", ".join(filter(None, (SERVER, also)))
    rate = f"sum by (server, le) (rate({metric}_bucket{{{matchers}}}[5m]))"
    return (
        Query(f"histogram_quantile(0.5, {rate})", "{{server}} median"),
        Query(f"histogram_quantile(0.95, {rate})", "{{server}} 95 %"),
    )
