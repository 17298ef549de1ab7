"""The network policies for Kubernetes: who needs to speak to whom may, and nobody else to workers."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.kubernetes import manifests as k8s
from tests.kubernetes.manifests import ANYWHERE, Manifest, matches, of_kind

BROKER = {"app.kubernetes.io/name": "rollcast-rabbitmq"}
WITH_TLS = 15671


def test_nothing_passes_by_itself(example: list[Manifest]) -> None:
    """One policy is for all pods and both directions, and allows nothing."""
    assert of_kind(example, "NetworkPolicy")["default-deny"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }


def test_each_policy_is_for_pods_that_there_are(
    example: list[Manifest], deployments: dict[str, Manifest]
) -> None:
    """A selector with a slip in it would protect nobody."""
    for policy in of_kind(example, "NetworkPolicy").values():
        selector = policy["spec"]["podSelector"]
        assert matches(selector, BROKER) or all(
            matches(selector, k8s.labels(found)) for found in deployments.values()
        )


def test_workers_reach_what_they_are_told_of(
    example: list[Manifest], deployments: dict[str, Manifest]
) -> None:
    """Names, and the broker's and the ledger's addresses; the broker lets them in."""
    server, ledger = k8s.secret(example, "rollcast-server"), k8s.secret(example, "rollcast-ledger")
    for deployment in deployments.values():
        worker = k8s.labels(deployment)
        leaving = k8s.allowed(example, "egress", worker)
        assert {53, urlsplit(ledger["url"]).port} <= {port for port, _ in leaving}
        for url in (server["amqp-url"], server["management-url"]):
            port = urlsplit(url).port
            assert any(found == port and _is(peer, BROKER) for found, peer in leaving)
            entering = k8s.allowed(example, "ingress", BROKER)
            assert any(found == port and _is(peer, worker) for found, peer in entering)


def test_only_prometheus_reaches_workers(example: list[Manifest], deployments: dict[str, Manifest]) -> None:
    """Their one open port is that of the metrics."""
    for deployment in deployments.values():
        ((port, peer),) = k8s.allowed(example, "ingress", k8s.labels(deployment))
        assert port == k8s.worker(deployment)["ports"][0]["containerPort"]
        assert _namespace(peer) == "monitoring"


def test_the_management_api_is_for_few(example: list[Manifest]) -> None:
    """KEDA asks it at the address of its Secret; the topology operator sets up users, by https where there is TLS."""
    port = urlsplit(k8s.secret(example, "rollcast-scaler")["host"]).port
    allowed = k8s.allowed(example, "ingress", BROKER)
    namespaces = {_namespace(peer) for found, peer in allowed if found == port}
    assert namespaces == {"keda", "rabbitmq-system", None}
    assert {_namespace(peer) for found, peer in allowed if found == WITH_TLS} == {"rabbitmq-system"}
    assert not [peer for found, peer in allowed if found in {port, WITH_TLS} and peer == ANYWHERE]


def _is(peer: dict[str, Any], pod: Mapping[str, str]) -> bool:
    """Whether pods of the same namespace with these labels are meant."""
    if peer == ANYWHERE:
        return True
    return set(peer) == {"podSelector"} and matches(peer["podSelector"], pod)


def _namespace(peer: dict[str, Any]) -> str | None:
    found = peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name")
    return None if found is None else str(found)
