"""Two servers on Kubernetes, made as its README says: the second one reaches the broker of the first."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.kubernetes import manifests as k8s
from tests.kubernetes.manifests import KUBERNETES, Manifest, matches, of_kind

KINDS = Path(__file__).parent / "custom_kinds"
BROKER = {"app.kubernetes.io/name": "rollcast-rabbitmq"}
FIRST, SECOND = "rollcast", "rollcast-emea"


@pytest.fixture(scope="module")
def told() -> list[str]:
    """What the README says to add to the first overlay and to lay beside it, and to the second one and beside it."""
    section = (KUBERNETES / "README.md").read_text().split("\n## Several servers\n", 1)[1]
    return re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of all manifests, with secrets, in which both overlays can be made."""
    return k8s.copy(tmp_path_factory.mktemp("several"))


@pytest.fixture(scope="module")
def first(folder: Path, told: list[str]) -> list[Manifest]:
    """The first server's, with what it needs for the second one."""
    overlay = Path(shutil.copytree(folder / k8s.EXAMPLE, folder / "overlays" / "first"))
    (overlay / "emea.yaml").write_text(told[1])
    return _rendered(overlay, _example(overlay), told[0])


@pytest.fixture(scope="module")
def second(folder: Path, told: list[str]) -> list[Manifest]:
    """The second server's."""
    overlay = Path(shutil.copytree(folder / k8s.EXAMPLE, folder / "overlays" / "second"))
    (overlay / "broker.yaml").write_text(told[3])
    for secret in ("server", "scaler"):
        file = overlay / "secrets" / f"{secret}.env"
        text = file.read_text().replace("server-main", "server-emea").replace("=scaler", "=scaler-emea")
        file.write_text(re.sub(r"([@/])rollcast-rabbitmq:", r"\1rollcast-rabbitmq.rollcast.svc:", text))
    named = _example(overlay)
    named["namespace"] = SECOND
    named["resources"].remove("../../broker")
    named["secretGenerator"] = [one for one in named["secretGenerator"] if one["name"] != "rollcast-operator"]
    return _rendered(overlay, named, told[2])


def test_both_are_valid(first: list[Manifest], second: list[Manifest]) -> None:
    """Each kind by its schema."""
    for manifest in (*first, *second):
        schema = KINDS / f"{manifest['kind']}.yaml"
        if schema.exists():
            jsonschema.validate(manifest, yaml.safe_load(schema.read_text()))
        else:
            kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_the_seconds_users_are_made_on_the_firsts_broker(
    first: list[Manifest], second: list[Manifest]
) -> None:
    """Which lets in what comes from its namespace; names are not those of the first one's users."""
    (cluster,) = of_kind(first, "RabbitmqCluster").values()
    assert cluster["metadata"]["namespace"] == FIRST
    assert cluster["metadata"]["annotations"] == {"rabbitmq.com/topology-allowed-namespaces": SECOND}
    ours = [found for found in second if found["apiVersion"].startswith("rabbitmq.com/")]
    assert [found["kind"] for found in ours].count("User") == 2
    for found in ours:
        reference = {"name": cluster["metadata"]["name"], "namespace": FIRST}
        assert (found["metadata"]["namespace"], found["spec"]["rabbitmqClusterReference"]) == (
            SECOND,
            reference,
        )
    assert _users(second) == {"server-emea", "scaler-emea"}
    assert not _users(second) & _users(first)


def test_the_seconds_workers_reach_the_firsts_broker(first: list[Manifest], second: list[Manifest]) -> None:
    """At the addresses that they are told, out of the one namespace and into the other."""
    server = k8s.secret(second, "rollcast-server")
    assert (list(of_kind(first, "Namespace")), list(of_kind(second, "Namespace"))) == ([FIRST], [SECOND])
    for deployment in of_kind(second, "Deployment").values():
        worker = k8s.labels(deployment)
        for url in (urlsplit(server["amqp-url"]), urlsplit(server["management-url"])):
            assert url.hostname == f"rollcast-rabbitmq.{FIRST}.svc"
            leaving = k8s.allowed(second, "egress", worker)
            assert any(port == url.port and _is(peer, FIRST, BROKER) for port, peer in leaving)
            entering = k8s.allowed(first, "ingress", BROKER)
            assert any(port == url.port and _is(peer, SECOND, worker) for port, peer in entering)


def _example(overlay: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((overlay / "kustomization.yaml").read_text()))


def _rendered(overlay: Path, named: dict[str, Any], added: str) -> list[Manifest]:
    for key, entries in yaml.safe_load(added).items():
        named[key] = [*named.get(key, ()), *entries]
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(named))
    return k8s.render(overlay)


def _users(manifests: list[Manifest]) -> set[str]:
    secrets = [
        user["spec"]["importCredentialsSecret"]["name"] for user in of_kind(manifests, "User").values()
    ]
    return {k8s.secret(manifests, name)["username"] for name in secrets}


def _is(peer: Manifest, namespace: str, pod: Mapping[str, str]) -> bool:
    """Whether pods with these labels in that namespace are meant."""
    if peer == k8s.ANYWHERE:
        return True
    if set(peer) != {"namespaceSelector", "podSelector"}:
        return False
    labels = {"kubernetes.io/metadata.name": namespace}
    return matches(peer["namespaceSelector"], labels) and matches(peer["podSelector"], pod)
