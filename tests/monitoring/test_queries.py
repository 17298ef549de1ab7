"""Each query of each panel and each rule gives data when files are sent and things break, and none names nothing."""

import re
import subprocess
import urllib.request

import pytest

from dev.monitoring import queries
from dev.monitoring.queries import Asked
from dev.monitoring.terminals import wait_until
from tests.monitoring.conftest import PARKED, Watched

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

LINTS = 3
"""What promtool ends with if it could read a page and finds fault with a name; 1 if it could not read it."""

ASKED = queries.all_asked()
RECORDED = [rule["record"] for rule in queries.rules("record")]
COMPARED = sorted({one for rule in queries.rules("alert") for one in queries.selectors(rule["expr"])})


def test_all_is_scraped(watched: Watched) -> None:
    """Workers, and both pages of the broker's plugin."""
    assert watched.prometheus.unscraped() == []


@pytest.mark.parametrize(
    "asked", ASKED, ids=lambda asked: f"{asked.dashboard}: {asked.panel}, {asked.legend}"
)
def test_each_query_of_a_panel_gives_data(watched: Watched, asked: Asked) -> None:
    """A number at some time of the run."""
    assert watched.gives_data(asked.expr), asked.expr


@pytest.mark.parametrize("name", RECORDED)
def test_each_recording_rule_gives_data(watched: Watched, name: str) -> None:
    """So do the queries behind it, then."""
    assert watched.gives_data(name)


@pytest.mark.parametrize("series", COMPARED)
def test_what_alerts_compare_is_there(watched: Watched, series: str) -> None:
    """An alert whose series do not exist is never raised; in health only the comparison may be without result."""
    assert watched.gives_data(series)


def test_no_query_names_what_does_not_exist(watched: Watched) -> None:
    """Neither of the workers nor of the broker."""
    named = {name for asked in ASKED for name in queries.metrics(asked.expr)}
    for rule in (*queries.rules("record"), *queries.rules("alert")):
        named |= queries.metrics(rule["expr"])
    assert len(named) > 60
    assert named - watched.prometheus.names() == set()


@pytest.mark.parametrize(
    ("expr", "least"),
    [
        ('rollcast_parked_total{step="s210"}', 1),
        ('rollcast_retried_total{step="s210", rung="5s"}', 1),
        ('rollcast_retried_total{step="s210", rung="30s"}', 1),
        ('rollcast_redelivered_total{step="s200"}', 1),
        ("rollcast_chunks_repaired_total", 20),
        ('rollcast_receivers_ended_total{state="rejected"}', 2),
        ('rollcast_receivers_ended_total{state="incapable"}', 2),
        ('rollcast_receivers_ended_total{state="unknown"}', 2),
        ('rollcast_receivers_ended_total{state="delivered"}', 9),
        ("server:rollcast_receivers_late:max", 1),
        ("rollcast_lane_depth_bytes_count", 1),
        ("server:rabbitmq_parked_messages:max", 1),
        ("rollcast_receipt_seconds_count", 9),
    ],
)
def test_the_faults_are_seen(watched: Watched, expr: str, least: float) -> None:
    """What was done to the deployment stands in its metrics."""
    assert watched.highest(expr) >= least


def test_two_clocks_count_as_one(watched: Watched) -> None:
    """Each tells the whole; what is recorded is not their sum."""
    (clocks,) = watched.prometheus.now("count(rollcast_ledger_revision > 0)")
    assert clocks.samples[-1][1] == 2
    assert watched.highest('server_state:rollcast_transfers:max{state="casting"}') == 1


def test_no_label_is_a_transfer_or_an_address(watched: Watched) -> None:
    """Of all series, the broker's included: else there would be ever more of them."""
    values = {
        value for series in watched.prometheus.now('{__name__!=""}') for value in series.labels.values()
    }
    assert len(values) > 100
    assert [
        value for value in values if "@" in value.replace("rollcast@", "") or re.search("[0-9a-f]{32}", value)
    ] == []


def test_names_and_help_follow_the_conventions(
    watched: Watched, promtool: tuple[str, dict[str, str]]
) -> None:
    """As Prometheus' own checker sees the page of a worker."""
    command, env = promtool
    for worker in watched.seen.running.workers:
        with urllib.request.urlopen(f"http://127.0.0.1:{worker.metrics_port}/metrics", timeout=10) as answer:
            page = answer.read()
        done = subprocess.run(
            [command, "check", "metrics"], input=page, env=env, capture_output=True, check=False
        )
        said = (done.stdout + done.stderr).decode()
        assert done.returncode in {0, LINTS}, said
        assert b"\nrollcast_build_info" in page
        assert [line for line in said.splitlines() if "rollcast" in line] == []


def test_an_alert_is_resolved_when_its_cause_is_gone(watched: Watched) -> None:
    """What is parked is dropped as the runbook says; then nothing fires."""
    terminals, prometheus = watched.seen.terminals, watched.prometheus
    listed = terminals.run("parked", "list").splitlines()
    ids = [line.split()[0] for line in listed if line]
    assert len(ids) == 2, listed
    terminals.run("parked", "drop", *ids)
    wait_until(lambda: PARKED not in prometheus.firing(), "the alert is resolved")
    assert prometheus.firing() == set()
