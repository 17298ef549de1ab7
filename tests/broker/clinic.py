"""A server's queues without its workers, to be looked at by the checks of a diagnosis."""

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dev import management
from dev.broker import Broker
from rollcast.broker import Link
from rollcast.messages.figures import Finding
from tests.unit.steps.world import TimeTravel
from workers.broker import own_queues
from workers.broker.declarer import Declarer
from workers.broker.management import Management
from workers.doctor import queue_checks
from workers.ledger.migrate import migrate
from workers.looking.broker_view import BrokerView
from workers.settings import Settings


class Clinic:
    """A server's checks, and an administrator's hands at the broker."""

    def __init__(self, node: Broker, settings: Settings, declarer: Declarer, api: Management) -> None:
        self.node, self.settings, self.declarer, self.api = node, settings, declarer, api
        self._view = BrokerView(settings, declarer, api)

    async def queues(self) -> dict[str, Finding]:
        """Findings about queues by their subject."""
        return _by_subject(await queue_checks.check_queues(self.settings, self._view, self.declarer))

    async def bindings(self) -> dict[str, Finding]:
        """Findings about bindings and peers."""
        return _by_subject(await queue_checks.check_bindings(self.settings, self.api))

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """A call of the management API as an administrator."""
        return management.call(self.node.management_url, method, path, body)

    @contextmanager
    def policy(
        self, pattern: str, definition: dict[str, object], priority: int, kind: str = "policies"
    ) -> Iterator[None]:
        """A policy for the time of a block; `kind` may be "operator-policies"."""
        path = self.node.path(kind, f"test-{secrets.token_hex(4)}")
        wanted = {"pattern": pattern, "definition": definition, "priority": priority, "apply-to": "queues"}
        self.admin("PUT", path, wanted)
        try:
            yield
        finally:
            self.admin("DELETE", path)


def _by_subject(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.subject: finding for finding in findings}


@pytest.fixture
async def clinic(node: Broker, server: Settings) -> AsyncIterator[Clinic]:
    """All queues of a server that has no workers."""
    link = Link(server.amqp_url, "test")
    declarer = Declarer(link)
    await declarer.queues(own_queues.of_pools(server).values())
    async with Management(node.management_url, node.vhost) as api:
        yield Clinic(node, server, declarer, api)
    await declarer.delete_queues(spec.name for spec in own_queues.of_pools(server).values())
    await link.close()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[TimeTravel]:
    """An empty ledger."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    await migrate(url)
    made = TimeTravel(url)
    yield made
    await made.close()
