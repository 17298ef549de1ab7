"""A cluster without Kubernetes: the example's workers as processes, on a real broker and a real database."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from dev import definitions, management
from dev.broker import Broker
from dev.deployment import WORKERS, Deployment, Server, Worker, forget
from tests.kubernetes import manifests as k8s
from tests.kubernetes import pods
from tests.kubernetes.manifests import Manifest, of_kind
from tests.kubernetes.topology_operator import as_definitions


class Cluster(NamedTuple):
    """What was applied, and what runs of it: each Deployment's process, by its name."""

    manifests: Sequence[Manifest]
    workers: dict[str, Worker]
    running: Deployment


@contextmanager
def cluster(folder: Path, node: Broker, ledger: str) -> Iterator[Cluster]:
    """Set the broker up as the operators would, and run one worker of each Deployment until the end of the block."""
    manifests = _applied(folder, node, ledger)
    definitions.apply(node.management_url, as_definitions(manifests))
    forget(node, "main")
    workers = {
        name: _worker(folder, manifests, found) for name, found in of_kind(manifests, "Deployment").items()
    }
    running = _deployment(folder, node, manifests, tuple(workers.values()))
    try:
        for worker in workers.values():
            worker.start()
        for worker in workers.values():
            worker.wait_until(worker.is_healthy, timeout=180)
        yield Cluster(manifests, workers, running)
    finally:
        with ThreadPoolExecutor(len(workers)) as pool:
            list(pool.map(Worker.stop, workers.values()))


def _applied(folder: Path, node: Broker, ledger: str) -> list[Manifest]:
    """The example with the addresses of what runs here, in the files where an operator writes theirs."""
    copied = k8s.copy(folder)
    example = copied / k8s.EXAMPLE
    broker, api = urlsplit(node.amqp_url).netloc, urlsplit(node.management_url).netloc
    changes = {
        "rollcast-rabbitmq:5672": broker.rpartition("@")[2],
        "rollcast-rabbitmq:15672": api.rpartition("@")[2],
        "rollcast-rabbitmq.rollcast.svc:15672": api.rpartition("@")[2],
        "postgresql://rollcast:FILL-IN@postgres.example.com:5432/rollcast": ledger,
        "s3://rollcast/main": f"file://{folder / 'spool'}",
    }
    for path in (*(example / "secrets").glob("*.env"), example / "kustomization.yaml"):
        text = path.read_text()
        for placeholder, here in changes.items():
            text = text.replace(placeholder, here)
        path.write_text(text)
    needed = ["broker-before-4"] if int(node.version.split(".")[0]) < 4 else []
    return [found for part in (k8s.EXAMPLE, *needed) for found in k8s.render(copied / part)]


def _worker(folder: Path, manifests: Sequence[Manifest], deployment: Manifest) -> Worker:
    name = str(deployment["metadata"]["name"])
    pods.mount(manifests, deployment, folder / name)
    env = {key: value for key, value in os.environ.items() if not key.startswith("ROLLCAST_")}
    env |= pods.environment(manifests, deployment, folder / name)
    return Worker(WORKERS, k8s.worker(deployment)["args"], env, folder / f"{name}.log")


def _deployment(
    folder: Path, node: Broker, manifests: Sequence[Manifest], workers: tuple[Worker, ...]
) -> Deployment:
    server, operator = k8s.secret(manifests, "rollcast-server"), k8s.secret(manifests, "rollcast-operator")
    domains = tuple(k8s.settings(manifests)["ROLLCAST_DOMAINS"].split(","))
    ledger = k8s.secret(manifests, "rollcast-ledger")["url"]
    made = Server("main", domains, server["amqp-url"], ledger, folder / "spool", workers)
    operator_url = management.as_user(node.amqp_url, operator["username"], operator["password"])
    home = folder / "home"
    home.mkdir()
    return Deployment(operator_url, home, {made.name: made})
