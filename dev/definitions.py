"""The definitions that whoever starts a broker imports: exchanges, users of servers and operators, rights, policy."""

import secrets
from collections.abc import Iterable
from typing import Any

from dev import management
from rollcast.topology import EXCHANGES

OPERATOR = "operator"


def server_user(server: str) -> str:
    """The broker user of a server."""
    return f"server-{server}"


def build(servers: Iterable[str], broker_version: str) -> dict[str, Any]:
    """Definitions for these servers and one operator, all with new random passwords."""
    users = [server_user(server) for server in servers]
    return {
        "vhosts": [{"name": "/"}],
        "users": [*(_user(name, "administrator") for name in users), _user(OPERATOR, "")],
        "permissions": [
            *(_permission(name, ".*", ".*", ".*") for name in users),
            _permission(OPERATOR, "^$", r"^rollcast\.step$", "^$"),
        ],
        "exchanges": [_exchange(name) for name, kind in EXCHANGES.items() if kind == "topic"],
        "topic_permissions": [
            _topic("rollcast.step", r"^[a-z0-9-]+\.s200$"),
            _topic("rollcast.up", "^$"),
            _topic("rollcast.bulk", "^$"),
        ],
        "policies": [_LAZY] if int(broker_version.split(".")[0]) < 4 else [],
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


# Without it a stuck lane fills the memory of a broker before 4.0, and the alarm blocks every publisher.
_LAZY = {
    "vhost": "/",
    "name": "rollcast-lazy",
    "pattern": r"^rollcast\.(lane|spool)\.",
    "apply-to": "queues",
    "definition": {"queue-mode": "lazy"},
    "priority": 0,
}


def _user(name: str, tags: str) -> dict[str, str]:
    return {"name": name, "password": secrets.token_urlsafe(16), "tags": tags}


def _exchange(name: str) -> dict[str, Any]:
    lasting = {"durable": True, "auto_delete": False, "internal": False}
    return {"name": name, "vhost": "/", "type": "topic", **lasting, "arguments": {}}


def _permission(user: str, configure: str, write: str, read: str) -> dict[str, str]:
    return {"user": user, "vhost": "/", "configure": configure, "write": write, "read": read}


def _topic(exchange: str, write: str) -> dict[str, str]:
    return {"user": OPERATOR, "vhost": "/", "exchange": exchange, "write": write, "read": "^$"}
