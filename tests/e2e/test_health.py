"""Whether a worker is alive and ready, while what it needs comes and goes."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from dev import management
from dev.broker import Node, private_node
from dev.deployment import Server, deployment
from rollcast.topology import POOLS
from tests.e2e.locked import locked
from tests.e2e.worker_log import health, lines
from tests.people import ONE_SERVER, OPERATOR, SERVER, SERVER_USER
from tests.waiting import wait_until

pytestmark = pytest.mark.long

FED = [pool for pool in POOLS if pool != "clock"]
"""The pools that consume a queue."""
OK = dict.fromkeys(POOLS, "ok")


class Place:
    """A broker that may be ended, and a server on it with one worker."""

    def __init__(self, node: Node, server: Server) -> None:
        self.node, self.server = node, server
        (self.worker,) = server.workers

    def becomes(self, status: int) -> None:
        """Wait until the worker is ready, or is not."""
        wait_until(lambda: health(self.worker, "readyz").status == status, f"/readyz answers {status}")

    def lives(self) -> None:
        """There is no reason to start it again."""
        assert health(self.worker, "livez") == (200, {"alive": True, "phase": "running", "pools": OK})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One server of two domains, with all pools in one process."""
    folder = tmp_path_factory.mktemp("place")
    with (
        private_node(folder / "broker") as node,
        deployment(folder, node, ONE_SERVER, operator=OPERATOR) as running,
    ):
        yield Place(node, running.servers[SERVER])


def test_a_worker_that_works(place: Place) -> None:
    """It is alive and ready, pool by pool."""
    place.lives()
    ready = {"ready": True, "phase": "running", "broker": "ok", "ledger": "ok", "rights": "ok", "pools": OK}
    assert health(place.worker, "readyz") == (200, ready)


def test_without_the_broker(place: Place) -> None:
    """No pool consumes, and the clock has nobody to talk to; when the broker is back all is as before."""
    place.node.stop()
    place.becomes(503)
    told = health(place.worker, "readyz").told
    assert (told["broker"], told["ledger"]) == ("not connected", "ok")
    stopped = {
        pool for pool, state in told["pools"].items() if state.startswith("does not consume rollcast.")
    }
    assert stopped == set(FED)
    place.lives()
    place.node.start()
    place.becomes(200)
    assert lines(place.worker, f"consumes rollcast.step2.{SERVER}.s260 again")[0]["pool"] == "s260"


def test_without_the_ledger(place: Place) -> None:
    """Whoever asks is told within a few seconds, although the ledger does not answer."""
    with locked(place.server.ledger):
        place.becomes(503)
        told = health(place.worker, "readyz").told
        assert (told["broker"], told["ledger"]) == ("ok", "no answer within 2 s")
        assert told["pools"] == OK
        place.lives()
    place.becomes(200)


def test_a_pool_that_dies_takes_the_process_along(place: Place) -> None:
    """When the broker will never let it consume again, whoever runs the process has to see to that."""
    user = SERVER_USER
    rights = {"configure": ".*", "write": ".*", "read": r"^rollcast\.(up|step|bulk)$"}
    management.call(place.node.management_url, "PUT", place.node.path("permissions", user), rights)
    for connection in management.call(place.node.management_url, "GET", "/api/connections"):
        if connection["user"] == user:
            management.delete(
                place.node.management_url, f"/api/connections/{quote(connection['name'], safe='')}"
            )
    wait_until(lambda: place.worker.returncode is not None, "the process has ended")
    assert place.worker.returncode == 1
    died = lines(place.worker, "a pool has died")
    assert died
    assert all(
        line["pool"] in FED and f"does not let {SERVER_USER} consume" in line["error"] for line in died
    )


def test_what_it_has_said(place: Place, tmp_path: Path) -> None:
    """All of it is JSON, and the passwords are nowhere in it."""
    assert lines(place.worker, "starting")
    text = place.worker.log.read_text()
    for url in (place.server.amqp_url, place.node.amqp_url):
        password = url.split("//")[1].split("@")[0].partition(":")[2]
        assert len(password) > 8
        assert password not in text
