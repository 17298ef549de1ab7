"""`docs/metrics.md` from `workers/metrics.py`: `python -m dev.metrics_page` writes it, `--check` only compares."""

import sys
from collections.abc import Iterable, Sequence

from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

from dev.packages import CHECKOUT
from rollcast.topology import MiB
from workers import metrics

PAGE = CHECKOUT / "docs" / "metrics.md"
SUFFIXES = {"counter": "_total", "info": "_info"}

HEAD = """\
# Metrics

Made from `workers/metrics.py` by `python -m dev.metrics_page`.

Each worker process answers `/metrics` on `ROLLCAST_METRICS_PORT`, for Prometheus. No label is a transfer or an
address, so the number of series does not grow with use. Counters are of one process: sum their rates. Units are
seconds and bytes.

What describes the ledger and the spool comes from each `clock`, of which there may be several: take the highest
figure, not the sum. Other processes say NaN, or nothing. The broker's own metrics are in its Prometheus plugin.
`deploy/prometheus` has the scrape configuration, and rules that put both together; [operations](operations.md) tells
what to do when one of them calls.
"""


def main(arguments: list[str]) -> int:
    """The exit status: 0 if the page is (now) as it should be, 1 if it differs, 2 for wrong usage."""
    if arguments == ["--check"]:
        return 0 if PAGE.exists() and PAGE.read_text() == page() else 1
    if arguments:
        print("usage: python -m dev.metrics_page [--check]", file=sys.stderr)
        return 2
    PAGE.write_text(page())
    return 0


def page() -> str:
    """The whole document."""
    sections = [_section(title, listed) for title, listed in metrics.SECTIONS.items()]
    labels = _table(("label", "its values"), ([f"`{name}`", text] for name, text in metrics.LABELS.items()))
    return "\n".join([HEAD, *sections, f"## Labels\n\n{labels}"])


def names() -> set[str]:
    """All metrics as Prometheus sees them."""
    return {exported_name(metric) for listed in metrics.SECTIONS.values() for metric in listed}


def series_names() -> set[str]:
    """The names that a query can use: a histogram has three."""
    found = set()
    for metric in (metric for listed in metrics.SECTIONS.values() for metric in listed):
        name = exported_name(metric)
        parts = ("_bucket", "_sum", "_count") if isinstance(metric, Histogram) else ("",)
        found |= {name + part for part in parts}
    return found


def exported_name(metric: MetricWrapperBase) -> str:
    """Its name with the suffix that its type gets."""
    return str(metric._name) + SUFFIXES.get(str(metric._type), "")


def _section(title: str, listed: Sequence[MetricWrapperBase]) -> str:
    rows = (
        [
            f"`{exported_name(metric)}`",
            str(metric._type),
            _labels(metric),
            metric._documentation + _buckets(metric),
        ]
        for metric in listed
    )
    return f"## {title}\n\n{_table(('metric', 'type', 'labels', 'what it tells'), rows)}"


def _labels(metric: MetricWrapperBase) -> str:
    named = ("version", "python") if metric is metrics.BUILD else metric._labelnames
    return ", ".join(f"`{label}`" for label in named)


def _buckets(metric: MetricWrapperBase) -> str:
    if not isinstance(metric, Histogram):
        return ""
    size, unit = (MiB, "MiB") if metric._name.endswith("_bytes") else (1, "s")
    bounds = ", ".join(f"{bound / size:g}" for bound in metric._upper_bounds[:-1])
    return f" Buckets up to {bounds} {unit}."


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
