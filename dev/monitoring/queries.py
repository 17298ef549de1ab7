"""What dashboards and rules ask of Prometheus, read from their files."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from dev.dashboards import FOLDER
from dev.monitoring.scraping import SOURCE

VARIABLES = {"$__rate_interval": "1m", "$server": ".*"}
"""What Grafana puts in the place of the variables, if all servers are chosen."""
WORDS = {"by", "on", "and", "or", "unless", "ignoring", "without"}
Json = dict[str, Any]


class Asked(NamedTuple):
    """A query of a panel."""

    dashboard: str
    panel: str
    expr: str
    legend: str


def dashboards() -> dict[str, Json]:
    """The dashboards by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def asked_by(dashboard: str, panel: Json) -> Iterator[Asked]:
    """The queries of a panel, with all variables filled."""
    for target in panel.get("targets", ()):
        yield Asked(dashboard, panel["title"], filled(target["expr"]), target["legendFormat"])


def all_asked() -> list[Asked]:
    """The queries of all panels."""
    return [
        asked
        for name, dashboard in dashboards().items()
        for panel in dashboard["panels"]
        for asked in asked_by(name, panel)
    ]


def rules(kind: str) -> list[Json]:
    """The rules of a kind, `record` or `alert`."""
    documents = [yaml.safe_load(path.read_text()) for path in sorted(SOURCE.parent.glob("*.rules.yml"))]
    found = (rule for document in documents for group in document["groups"] for rule in group["rules"])
    return [rule for rule in found if kind in rule]


def metrics(expr: str) -> set[str]:
    """The names of the metrics in a query."""
    bare = re.sub(r'"[^"]*"', "", expr)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(by|on|without|ignoring) *\([^)]*\)", " ", bare)
    return set(re.findall(r"(?<![\w:])[a-zA-Z_:][\w:]*(?![\w:]| *\()", bare)) - WORDS


def selectors(expr: str) -> list[str]:
    """The series in a query, with their matchers, without what is done to them."""
    return [
        found[0]
        for found in re.finditer(r"[a-zA-Z_:][\w:]*(\{[^}]*\})?", expr)
        if metrics(found[0]) & metrics(expr)
    ]


def filled(expr: str) -> str:
    """A query with something in the place of Grafana's variables."""
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    return expr
