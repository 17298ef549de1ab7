"""Each alert has a section that says what to do, and a test; each section has its alert."""

import re

import pytest
import yaml

from dev.monitoring import queries
from dev.monitoring.scraping import SOURCE
from dev.packages import CHECKOUT

OPERATIONS = CHECKOUT / "docs" / "operations.md"
ALERTS = {rule["alert"]: rule for rule in queries.rules("alert")}
PARTS = ["What it means.", "How to look.", "What to do."]


def _sections() -> dict[str, str]:
    """What stands below each heading of the runbooks."""
    text = OPERATIONS.read_text().split("\n## Alerts and runbooks\n", 1)[1].split("\n## ", 1)[0]
    parts = re.split(r"^### (.+)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_each_alert_has_its_section_and_each_section_its_alert() -> None:
    """In the same order, with the three parts."""
    assert list(_sections()) == list(ALERTS)
    for name, text in _sections().items():
        assert re.findall(r"^\*\*([^*]+)\*\*", text, re.MULTILINE) == PARTS, name


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_and_where_to_read_on(name: str) -> None:
    """The link is that of its section."""
    rule = ALERTS[name]
    assert set(rule["labels"]) == {"severity"}
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["for"]
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"


def test_alerts_compare_what_is_recorded() -> None:
    """So each part of them can be looked at, and is tested to give data."""
    recorded = {rule["record"] for rule in queries.rules("record")}
    for name, rule in ALERTS.items():
        assert queries.metrics(rule["expr"]) <= recorded, name


def test_what_is_recorded_is_used() -> None:
    """By an alert, a dashboard or another rule; else Prometheus would work it out for nobody."""
    exprs = [asked.expr for asked in queries.all_asked()]
    exprs += [rule["expr"] for kind in ("record", "alert") for rule in queries.rules(kind)]
    used = {name for expr in exprs for name in queries.metrics(expr)}
    assert {rule["record"] for rule in queries.rules("record")} - used == set()


def test_each_alert_is_tested_to_fire() -> None:
    """By `promtool test rules`, with its text."""
    tests = yaml.safe_load((SOURCE.parent / "alerts.test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test.get("alert_rule_test", ())]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == set(ALERTS)
