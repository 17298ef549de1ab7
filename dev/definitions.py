"""The definitions that whoever starts a broker imports: exchanges, users of servers and operators, rights, policy."""

import secrets
from collections.abc import Iterable
from typing import Any

from dev import management

OPERATOR = "operator"


def server_user(server: str) -> str:
    """The broker user of a server."""
    return f"server-{server}"


def build(
    servers: Iterable[str], broker_version: str, vhost: str = "/", operator: str = OPERATOR
) -> dict[str, Any]:
    """Definitions for these servers and one operator in a virtual host, all with new random passwords."""
    users = [server_user(server) for server in servers]
    rights = [
        *({"user": name, "configure": ".*", "write": ".*", "read": ".*"} for name in users),
        {"user": operator, "configure": "^$", "write": r"^rollcast\.step$", "read": "^$"},
    ]
    topics = {"rollcast.step": r"^[a-z0-9-]+\.(operator|s200)$", "rollcast.up": "^$", "rollcast.bulk": "^$"}
    return {
        "vhosts": [{"name": vhost}],
        "users": [*(_user(name, "administrator") for name in users), _user(operator, "")],
        "permissions": [{"vhost": vhost, **row} for row in rights],
        "exchanges": [{"vhost": vhost, "name": name, **_TOPIC} for name in topics],
        "topic_permissions": [
            {"vhost": vhost, "user": operator, "exchange": exchange, "write": write, "read": "^$"}
            for exchange, write in topics.items()
        ],
        "policies": [{"vhost": vhost, **_LAZY}] if int(broker_version.split(".")[0]) < 4 else [],
    }


def apply(management_url: str, definitions: dict[str, Any]) -> None:
    """Import them; what the broker has beside them stays."""
    # Topic permissions belong to their exchange, and are refused before it is there; some brokers import them first.
    exchanges = {kind: definitions[kind] for kind in ("vhosts", "exchanges")}
    for part in (exchanges, definitions):
        management.call(management_url, "POST", "/api/definitions", part)


def password(definitions: dict[str, Any], user: str) -> str:
    """The password of one of the users."""
    return next(str(row["password"]) for row in definitions["users"] if row["name"] == user)


_TOPIC = {"type": "topic", "durable": True, "auto_delete": False, "internal": False, "arguments": {}}

# Without it a stuck lane fills the memory of a broker before 4.0, and the alarm blocks every publisher.
_LAZY = {
    "name": "rollcast-lazy",
    "pattern": r"^rollcast\.(lane|spool)\.",
    "apply-to": "queues",
    "definition": {"queue-mode": "lazy"},
    "priority": 0,
}


def _user(name: str, tags: str) -> dict[str, str]:
    return {"name": name, "password": secrets.token_urlsafe(16), "tags": tags}
