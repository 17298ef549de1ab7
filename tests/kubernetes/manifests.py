"""The manifests for Kubernetes as kustomize renders them, and how to find things in them."""

import base64
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from dev.kubectl import kustomize
from dev.packages import CHECKOUT

KUBERNETES = CHECKOUT / "deploy" / "kubernetes"
EXAMPLE = "overlays/example"

Manifest = dict[str, Any]
ANYWHERE: Manifest = {}
"""A peer of which a network policy says nothing."""


def copy(folder: Path) -> Path:
    """A copy of all manifests in `folder`, with secrets made as the README says."""
    copied = Path(shutil.copytree(KUBERNETES, folder / "kubernetes", ignore=shutil.ignore_patterns("*.env")))
    make_secrets(copied)
    return copied


def make_secrets(copied: Path) -> None:
    """Run the script that makes the example's secrets."""
    subprocess.run([copied / EXAMPLE / "make-secrets.sh"], check=True, timeout=60)


def render(folder: Path) -> list[Manifest]:
    """What a folder stands for."""
    return [found for found in yaml.load_all(kustomize(folder), yaml.CSafeLoader) if found]


def of_kind(manifests: Iterable[Manifest], kind: str) -> dict[str, Manifest]:
    """The manifests of a kind, by name."""
    found = [manifest for manifest in manifests if manifest["kind"] == kind]
    named = {str(manifest["metadata"]["name"]): manifest for manifest in found}
    assert len(named) == len(found), f"two of kind {kind} have the same name"
    return named


def settings(manifests: Iterable[Manifest]) -> dict[str, str]:
    """The data of the one ConfigMap."""
    (found,) = of_kind(manifests, "ConfigMap").values()
    return dict(found["data"])


def secret(manifests: Iterable[Manifest], name: str) -> dict[str, str]:
    """The keys of a Secret and what stands there."""
    data = of_kind(manifests, "Secret")[name]["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def broker_settings(manifests: Iterable[Manifest]) -> dict[str, str]:
    """What the broker's nodes are told beside what their operator tells them."""
    (cluster,) = of_kind(manifests, "RabbitmqCluster").values()
    return settings_in(cluster["spec"]["rabbitmq"]["additionalConfig"])


def settings_in(configuration: str) -> dict[str, str]:
    """The settings of a `rabbitmq.conf`."""
    lines = [line.split(" = ") for line in configuration.splitlines() if line and not line.startswith("#")]
    return dict(lines)


def pod(deployment: Manifest) -> dict[str, Any]:
    """The specification of a Deployment's pods."""
    return dict(deployment["spec"]["template"]["spec"])


def worker(deployment: Manifest) -> dict[str, Any]:
    """The one container of a Deployment."""
    (container,) = pod(deployment)["containers"]
    return dict(container)


def labels(deployment: Manifest) -> Mapping[str, str]:
    """The labels of a Deployment's pods."""
    return dict(deployment["spec"]["template"]["metadata"]["labels"])


def matches(selector: Manifest, pod_labels: Mapping[str, str]) -> bool:
    """Whether a selector, which has nothing but `matchLabels`, selects pods with these labels."""
    assert set(selector) <= {"matchLabels"}
    return bool(selector.get("matchLabels", {}).items() <= pod_labels.items())


def allowed(
    manifests: Iterable[Manifest], direction: str, pod_labels: Mapping[str, str]
) -> list[tuple[int, Manifest]]:
    """The ports, and the peers at the other end, that network policies open for a pod."""
    specs = [policy["spec"] for policy in of_kind(manifests, "NetworkPolicy").values()]
    rules = [
        rule for spec in specs if matches(spec["podSelector"], pod_labels) for rule in spec.get(direction, ())
    ]
    return [
        (port["port"], peer)
        for rule in rules
        for port in rule["ports"]
        for peer in rule.get("from", rule.get("to", [ANYWHERE]))
    ]
