"""What servers hold for transfers: on the broker, in the spool, in the ledger."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from dev import management
from dev.broker import Broker
from dev.deployment import Deployment, Server

OURS = "rollcast."
COUNTED = {
    "rows of chunks": "SELECT count(*) FROM sent_chunks",
    "bytes reserved": "SELECT coalesce(sum(reserved), 0) FROM spool_usage",
    "transfers that are due": "SELECT count(*) FROM sent_transfers WHERE due_at IS NOT NULL",
}


def holdings(node: Broker, running: Deployment) -> set[str]:
    """All of it, by name: queues, exchanges, bindings, files of the spools, figures of the ledgers (on SQLite)."""
    held = {f"queue {name}" for name in _named(node, "queues")}
    held |= {f"exchange {name}" for name in _named(node, "exchanges")}
    held |= set(_bindings(node))
    for server in running.servers.values():
        held |= {f"file {path}" for path in server.spooled()}
        held |= set(_figures(server))
    return held


def _named(node: Broker, kind: str) -> Iterator[str]:
    return (
        one["name"] for one in _call(node, f"{node.path(kind)}?columns=name") if one["name"].startswith(OURS)
    )


def _bindings(node: Broker) -> Iterator[str]:
    for one in _call(node, node.path("bindings")):
        if one["source"].startswith(OURS):
            yield f"binding {one['source']} {one['routing_key']} {one['destination']}"


def _figures(server: Server) -> Iterator[str]:
    with closing(sqlite3.connect(server.ledger.removeprefix("sqlite:///"), timeout=30)) as ledger:
        for what, query in COUNTED.items():
            yield f"{server.name}: {ledger.execute(query).fetchone()[0]} {what}"


def _call(node: Broker, path: str) -> list[dict[str, Any]]:
    found = management.call(node.management_url, "GET", path)
    assert isinstance(found, list)
    return found
