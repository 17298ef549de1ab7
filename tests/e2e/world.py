"""A running deployment as a test sees it: accounts, `rollcast` processes, their documents, the metrics."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from dev import management
from dev.broker import Broker, Node
from dev.deployment import Deployment, Worker, deployment
from dev.processes import Program, tied
from tests.people import ACME, GLOBEX, INITECH, ONE_SERVER, OPERATOR, UMBRELLA

ROLLCAST = (sys.executable, "-m", "rollcast.cli")
DEADLINE_S = 90.0


class Done(NamedTuple):
    """A command that has ended: its exit status, its JSON document (None if it printed none), what it said."""

    status: int
    document: dict[str, Any]
    said: str


class World:
    """Runs command-line processes against a deployment; `close` ends those that still run."""

    def __init__(self, running: Deployment, node: Broker, folder: Path) -> None:
        self.running = running
        self.node = node
        self.folder = folder
        self._receivers: dict[str, Program] = {}
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("ROLLCAST_")},
            "ROLLCAST_HOME": str(running.home),
            "ROLLCAST_AMQP_URL": running.operator_url,
            "ROLLCAST_DOMAINS": ",".join(running.domains),
        }

    @property
    def own_node(self) -> Node:
        """The broker, if it is private: what is done to it meets nobody else."""
        assert isinstance(self.node, Node)
        return self.node

    def add(self, *addresses: str) -> None:
        """Accounts that are not there yet."""
        for address in addresses:
            if not (self.running.home / "credentials" / f"{address}.json").exists():
                done = self.run("admin", "add", address)
                assert done.status == 0, done.said

    def run(self, *arguments: str, **changed: str) -> Done:
        """Run a command to its end, with `changed` environment variables."""
        process = self.start(*arguments, **changed)
        out, said = process.communicate(timeout=DEADLINE_S)
        return Done(process.returncode, _document(out) if "--json" in arguments else {}, said)

    def start(self, *arguments: str, **changed: str) -> "subprocess.Popen[str]":
        """Start a command."""
        return subprocess.Popen(
            tied([*ROLLCAST, *arguments]),
            env=self.environment | changed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def send(self, source: Path, sender: str, receivers: Sequence[str], *options: str) -> Done:
        """Send a file and wait for the report."""
        return self.run(*self.sending(source, sender, receivers, *options))

    def sending(self, source: Path, sender: str, receivers: Sequence[str], *options: str) -> list[str]:
        """The words that send a file."""
        to = [word for address in receivers for word in ("--to", address)]
        return ["send", str(source), "--as", sender, *to, "--json", *options]

    def receive(self, address: str, *options: str) -> Program:
        """A `receive` process that accepts all, unless `options` say otherwise; returns when it is connected."""
        if address in self._receivers:
            self._receivers.pop(address).stop()
        self.add(address)
        accept = () if "--accept" in options else ("--accept", "all")
        command = [*ROLLCAST, "receive", "--as", address, "--into", str(self.inbox(address)), "--json"]
        log = self.folder / f"{address}.{time.monotonic_ns()}.log"
        process = Program(tied([*command, *accept, *options]), self.environment, log)
        self._receivers[address] = process
        process.start()
        process.wait_until(lambda: '"ready"' in process.tail(10_000))
        return process

    def receiver(self, address: str) -> Program:
        """The `receive` process of an address."""
        return self._receivers[address]

    def inbox(self, address: str) -> Path:
        """The folder that an address receives into."""
        return self.folder / "received" / address

    def metric(self, name: str) -> float:
        """The sum of a metric over all workers and labels."""
        return sum(self.metric_of(worker, name) for worker in self.running.workers)

    def metric_of(self, worker: Worker, name: str) -> float:
        """The sum of a metric of one worker over all labels."""
        return _metric(worker.metrics_port, name)

    def close(self) -> None:
        """End the receivers."""
        for process in self._receivers.values():
            process.stop()


@contextmanager
def deployed(
    folder: Path, node: Broker, servers: Mapping[str, Sequence[str]] = ONE_SERVER, **options: Any
) -> Iterator[World]:
    """A deployment in the virtual host of this process, with its world; `options` as `deployment` takes them."""
    clean(node)
    with (
        deployment(folder, node, servers, operator=OPERATOR, **options) as running,
        closing(World(running, node, folder)) as made,
    ):
        yield made


def clean(node: Broker) -> None:
    """Take away what an earlier deployment left: its queues would hand on messages for other ledgers, and its
    accounts are in none any more.
    """
    for queue in management.call(node.management_url, "GET", node.path("queues")):
        if queue["name"].startswith("rollcast."):
            management.delete(node.management_url, node.path("queues", queue["name"]))
    for user in management.call(node.management_url, "GET", "/api/users"):
        if user["name"].partition("@")[2] in (ACME, GLOBEX, INITECH, UMBRELLA):
            management.delete(node.management_url, f"/api/users/{quote(user['name'], safe='')}")


def ends(document: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    """Disposition and reason of each receiver of a report."""
    return {r["address"]: (r["disposition"], r["reason"]) for r in document["receivers"]}


def random_file(path: Path, size: int) -> Path:
    """A file of random bytes."""
    path.write_bytes(os.urandom(size))
    return path


def _document(out: str) -> dict[str, Any]:
    if not out.strip():
        return {}
    found = json.loads(out)
    assert isinstance(found, dict)
    return found


def _metric(port: int, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))
