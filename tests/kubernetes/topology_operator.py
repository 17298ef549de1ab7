"""What the messaging topology operator tells a broker: its kinds as definitions of RabbitMQ."""

from collections.abc import Sequence
from typing import Any

from tests.kubernetes.manifests import Manifest, of_kind, secret


def as_definitions(manifests: Sequence[Manifest]) -> dict[str, Any]:
    """Definitions to import, with the users' names and passwords of their Secrets."""
    names = {
        name: _credentials(manifests, user)["username"] for name, user in of_kind(manifests, "User").items()
    }
    return {
        "vhosts": [{"name": "/"}],
        "users": [_user(manifests, user) for user in of_kind(manifests, "User").values()],
        "exchanges": [_exchange(found["spec"]) for found in of_kind(manifests, "Exchange").values()],
        "permissions": [_rights(found, names) for found in of_kind(manifests, "Permission").values()],
        "topic_permissions": [
            _rights(found, names) for found in of_kind(manifests, "TopicPermission").values()
        ],
        "policies": [_policy(found["spec"]) for found in of_kind(manifests, "Policy").values()],
    }


def _credentials(manifests: Sequence[Manifest], user: Manifest) -> dict[str, str]:
    return secret(manifests, user["spec"]["importCredentialsSecret"]["name"])


def _user(manifests: Sequence[Manifest], user: Manifest) -> dict[str, str]:
    credentials = _credentials(manifests, user)
    tags = ",".join(user["spec"].get("tags", ()))
    return {"name": credentials["username"], "password": credentials["password"], "tags": tags}


def _rights(found: Manifest, names: dict[str, str]) -> dict[str, str]:
    spec = found["spec"]
    return {"user": names[spec["userReference"]["name"]], "vhost": spec["vhost"], **spec["permissions"]}


def _exchange(spec: dict[str, Any]) -> dict[str, Any]:
    kept = {key: spec[key] for key in ("name", "vhost", "type", "durable")}
    return {
        **kept,
        "auto_delete": spec["autoDelete"],
        "internal": False,
        "arguments": spec.get("arguments", {}),
    }


def _policy(spec: dict[str, Any]) -> dict[str, Any]:
    kept = {key: spec[key] for key in ("name", "vhost", "pattern", "definition", "priority")}
    return {**kept, "apply-to": spec["applyTo"]}
