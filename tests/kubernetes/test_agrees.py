"""The manifests for Kubernetes agree with the workers, with Prometheus and with the other broker configuration."""

from pathlib import Path
from typing import Any

import yaml

from dev.packages import CHECKOUT
from tests.kubernetes import manifests as k8s
from tests.kubernetes import pods
from tests.kubernetes.manifests import Manifest, of_kind
from workers.settings import ALL, Settings

DEPLOY = CHECKOUT / "deploy"
GROWING = "quorum_queue.continuous_membership_reconciliation."


def test_workers_understand_what_they_are_told(
    example: list[Manifest], deployments: dict[str, Manifest], tmp_path: Path
) -> None:
    """Each of the variables is one of theirs, and what stands in mounted files reaches them."""
    known = {name for setting in ALL for name in setting.variables}
    server, ledger = k8s.secret(example, "rollcast-server"), k8s.secret(example, "rollcast-ledger")
    for pool, deployment in deployments.items():
        pods.mount(example, deployment, tmp_path / pool)
        told = pods.environment(example, deployment, tmp_path / pool)
        assert {name for name in told if name.startswith("ROLLCAST_")} <= known
        read = Settings.read(told)
        assert (read.server, read.domains) == ("main", ("acme", "globex"))
        assert (read.amqp_url, read.management_url) == (server["amqp-url"], server["management-url"])
        assert (read.ledger_url, read.user) == (ledger["url"], server["username"])


def test_prometheus_finds_what_its_rules_ask_for(example: list[Manifest]) -> None:
    """Jobs, paths, parameters and what is kept are those of its own configuration."""
    told = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    expected = {
        job["job_name"]: (
            job.get("metrics_path", "/metrics"),
            job.get("params", {}),
            [(rule["source_labels"], rule["regex"]) for rule in job.get("metric_relabel_configs", ())],
        )
        for job in told
    }
    monitors = of_kind(example, "PodMonitor").values()
    endpoints = [found for monitor in monitors for found in monitor["spec"]["podMetricsEndpoints"]]
    assert {
        _job(found): (
            found["path"],
            found.get("params", {}),
            [(rule["sourceLabels"], rule["regex"]) for rule in found.get("metricRelabelings", ())],
        )
        for found in endpoints
    } == expected


def test_the_broker_is_configured_as_elsewhere(example: list[Manifest]) -> None:
    """What its operator does not set by itself stands in the other configuration of a broker, which has one node."""
    config = k8s.broker_settings(example)
    elsewhere = k8s.settings_in((DEPLOY / "rabbitmq" / "rabbitmq.conf").read_text())
    alike = {name: value for name, value in config.items() if not name.startswith(GROWING)}
    assert alike.items() <= elsewhere.items()


def test_queues_have_a_member_on_each_node_of_the_broker(example: list[Manifest]) -> None:
    """Also those that were declared before all nodes were there."""
    config = k8s.broker_settings(example)
    replicas = of_kind(example, "RabbitmqCluster")["rollcast-rabbitmq"]["spec"]["replicas"]
    assert {
        name.removeprefix(GROWING): value for name, value in config.items() if name.startswith(GROWING)
    } == {
        "enabled": "true",
        "target_group_size": str(replicas),
    }


def _job(endpoint: dict[str, Any]) -> str:
    (job,) = [rule["replacement"] for rule in endpoint["relabelings"] if rule["targetLabel"] == "job"]
    return str(job)
