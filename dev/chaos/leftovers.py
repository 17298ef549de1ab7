"""What broker and spools still hold of transfers that have ended."""

from collections.abc import Iterator
from typing import Any

from dev import management
from dev.chaos.scene import Scene
from rollcast.topology import BULK, INNER

INBOX = "rollcast.inbox."
EMPTY = ("rollcast.step2.", "rollcast.spool.", "rollcast.progress.")
"""Queues that stay, and are empty when there is nothing to do. What waits on a rung comes down within minutes,
and inboxes that nobody reads keep what expires with its transfer."""


def leftovers(scene: Scene) -> list[str]:
    """All of it, a sentence each; session inboxes go a minute after their process."""
    return [*_queues(scene), *_exchanges(scene), *_spools(scene)]


def _queues(scene: Scene) -> Iterator[str]:
    read = {INBOX + receiver.name for receiver in scene.receivers}
    for queue in _rows(scene, "queues", "?columns=name,messages"):
        name, messages = queue["name"], queue.get("messages", 0)
        if name.startswith("rollcast.lane.") or _is_session(name):
            yield f"the queue {name} is still there"
        elif messages and (name in read or name.startswith(EMPTY)):
            yield f"the queue {name} still holds {messages} messages"


def _is_session(name: str) -> bool:
    return name.startswith(INBOX) and "." in name.removeprefix(INBOX)


def _exchanges(scene: Scene) -> Iterator[str]:
    for exchange in _rows(scene, "exchanges", "?columns=name"):
        if exchange["name"].startswith("rollcast.cast."):
            yield f"the exchange {exchange['name']} is still there"
    for binding in _rows(scene, f"exchanges/{INNER[BULK]}", "/bindings/source"):
        yield f"{binding['destination']} is still bound to {INNER[BULK]} under {binding['routing_key']}"


def _spools(scene: Scene) -> Iterator[str]:
    for server in scene.running.servers.values():
        files = sum(path.is_file() for path in server.spooled())
        if files:
            yield f"the spool of {server.name} still holds {files} files"


def _rows(scene: Scene, what: str, rest: str) -> list[dict[str, Any]]:
    kind, *names = what.split("/")
    found = management.call(scene.broker.management_url, "GET", scene.broker.path(kind, *names) + rest)
    assert isinstance(found, list)
    return found
