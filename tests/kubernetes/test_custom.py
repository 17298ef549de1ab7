"""The manifests of kinds that operators add to Kubernetes: as their documentation says, and what Rollcast needs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from dev import definitions
from rollcast.addresses import server_user
from tests.kubernetes import manifests as k8s
from tests.kubernetes.manifests import Manifest, of_kind
from tests.kubernetes.topology_operator import as_definitions

KINDS = sorted((Path(__file__).parent / "custom_kinds").glob("*.yaml"))
USER_SECRETS = {"rollcast-server": server_user("main"), "rollcast-operator": definitions.OPERATOR}


@pytest.fixture(scope="module")
def before_4(copied: Path) -> list[Manifest]:
    """What brokers before 4.0 need besides."""
    return k8s.render(copied / "broker-before-4")


@pytest.mark.parametrize("schema", KINDS, ids=lambda path: path.stem)
def test_custom_kinds_are_as_documented(
    example: list[Manifest], before_4: list[Manifest], schema: Path
) -> None:
    """With the fields that are needed, and none that is not there."""
    found = of_kind([*example, *before_4], schema.stem)
    assert found
    for manifest in found.values():
        jsonschema.validate(manifest, yaml.safe_load(schema.read_text()))


def test_no_other_custom_kinds_are_used(example: list[Manifest]) -> None:
    """A kind that is neither Kubernetes' own nor described would not be checked at all."""
    custom = {found["kind"] for found in example if "." in found["apiVersion"].partition("/")[0]}
    assert custom - {"NetworkPolicy"} <= {path.stem for path in KINDS}


def test_the_brokers_resources_and_affinity_are_valid(example: list[Manifest]) -> None:
    """They are those of a pod."""
    spec = of_kind(example, "RabbitmqCluster")["rollcast-rabbitmq"]["spec"]
    container = {"name": "broker", "image": spec["image"], "resources": spec["resources"]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "broker"},
        "spec": {"containers": [container], "affinity": spec["affinity"]},
    }
    kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)


def test_names_lead_to_something(example: list[Manifest], before_4: list[Manifest]) -> None:
    """To the one broker, to users that are made, to authentications that are there."""
    named = {
        "rabbitmqClusterReference": set(of_kind(example, "RabbitmqCluster")),
        "userReference": set(of_kind(example, "User")),
        "authenticationRef": set(of_kind(example, "TriggerAuthentication")),
        "scaleTargetRef": set(of_kind(example, "Deployment")),
        "importCredentialsSecret": set(of_kind(example, "Secret")),
    }
    met = set()
    for key, value in _entries([*example, *before_4]):
        if key in named:
            met.add(key)
            assert value["name"] in named[key]
    assert met == set(named)


def test_secrets_have_what_is_looked_for(example: list[Manifest]) -> None:
    """The keys that operators and pods name."""
    for user in of_kind(example, "User").values():
        kept = k8s.secret(example, user["spec"]["importCredentialsSecret"]["name"])
        assert {"username", "password"} <= set(kept)
    (authentication,) = of_kind(example, "TriggerAuthentication").values()
    for target in authentication["spec"]["secretTargetRef"]:
        assert target["key"] in k8s.secret(example, target["name"])
    for deployment in of_kind(example, "Deployment").values():
        for volume in k8s.pod(deployment)["volumes"]:
            for source in volume.get("projected", {}).get("sources", ()):
                asked = {item["key"] for item in source["secret"]["items"]}
                assert asked <= set(k8s.secret(example, source["secret"]["name"]))


def test_the_broker_is_told_what_brokers_are_told_elsewhere(
    example: list[Manifest], before_4: list[Manifest]
) -> None:
    """As by `dev/definitions.py`; besides, the autoscaler may look at queues."""
    told = as_definitions([*example, *before_4])
    expected = definitions.build(["main"], "3.13.0")
    scaler = k8s.secret(example, "rollcast-scaler")["username"]
    assert _users(told) == _users(expected) | {(scaler, "management")}
    expected["permissions"].append(
        {"user": scaler, "vhost": "/", "configure": "^$", "write": "^$", "read": "^$"}
    )
    for rows in ("exchanges", "permissions", "topic_permissions", "policies"):
        assert _sorted(told[rows]) == _sorted(expected[rows])
    for name, user in USER_SECRETS.items():
        assert k8s.secret(example, name)["username"] == user


def _users(told: dict[str, Any]) -> set[tuple[str, str]]:
    return {(user["name"], user["tags"]) for user in told["users"]}


def _sorted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: sorted(map(str, row.values())))


def _entries(found: object) -> Iterator[tuple[str, Any]]:
    """Each key of each mapping, at any depth."""
    if isinstance(found, dict):
        yield from found.items()
        found = list(found.values())
    if isinstance(found, list):
        for inner in found:
            yield from _entries(inner)
