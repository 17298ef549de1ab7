"""What the manifests for Kubernetes say is done, but for Kubernetes: their broker is set up, their workers run."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from dev import management
from dev.broker import Broker, Node, private_node
from dev.postgres import Cluster as Postgres
from tests.e2e.cluster import Cluster, cluster
from tests.e2e.world import World, ends, random_file
from tests.kubernetes import manifests as k8s
from tests.kubernetes.manifests import of_kind
from tests.waiting import wait_until

ALICE, BOB, CAROL = "alice@acme", "bob@acme", "carol@globex"
pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A broker of its own: names and virtual host are those of the example."""
    with private_node(tmp_path_factory.mktemp("example") / "broker") as made:
        yield made


@pytest.fixture(scope="module")
def example(
    tmp_path_factory: pytest.TempPathFactory, node: Broker, postgres_cluster: Postgres
) -> Iterator[Cluster]:
    """The example, with a worker of each Deployment."""
    ledger = postgres_cluster.database("kubernetes")
    with cluster(tmp_path_factory.mktemp("cluster"), node, ledger) as running:
        yield running


def test_a_file_is_delivered(example: Cluster, node: Broker, tmp_path: Path) -> None:
    """Accounts are made with the operator's rights; each step is done by the worker of another Deployment."""
    world = World(example.running, node, tmp_path)
    try:
        world.receive(BOB)
        world.receive(CAROL)
        world.add(ALICE)
        source = random_file(tmp_path / "plan.bin", 3 * 1024 * 1024 + 17)
        done = world.send(source, ALICE, [BOB, CAROL])
        assert done.status == 0, done.said
        assert ends(done.document) == {BOB: ("delivered", None), CAROL: ("delivered", None)}
    finally:
        world.close()


def test_probes_are_answered(example: Cluster) -> None:
    """By each worker, at the paths that its Deployment names."""
    for name, deployment in of_kind(example.manifests, "Deployment").items():
        container = k8s.worker(deployment)
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            port, path = example.workers[name].metrics_port, container[probe]["httpGet"]["path"]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                assert answer.status == 200, (name, probe)


def test_the_autoscaler_sees_each_queue(example: Cluster, node: Broker) -> None:
    """What KEDA asks of the broker is answered with the number of messages."""
    api = _as_scaler(example)
    for scaled in of_kind(example.manifests, "ScaledObject").values():
        queue = scaled["spec"]["triggers"][0]["metadata"]["queueName"]
        path = node.path("queues", queue)
        # The broker counts every few seconds; before that a queue has no number.
        wait_until(partial(_is_counted, api, path), f"a count of {queue}")


def test_the_autoscaler_can_do_nothing_else(example: Cluster) -> None:
    """It makes no queue, and takes nothing out of one."""
    api = _as_scaler(example)
    get = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}
    asked = [
        ("PUT", "/api/queues/%2F/its-own", {}),
        ("POST", "/api/queues/%2F/rollcast.parked.main/get", get),
    ]
    for method, path, body in asked:
        with pytest.raises(urllib.error.HTTPError) as refused:
            management.call(api, method, path, body)
        assert refused.value.code in {401, 403}


def test_no_worker_misses_the_brokers_policy(example: Cluster) -> None:
    """They say so if lanes do not page to disk."""
    for worker in example.workers.values():
        assert "lacks the policy" not in worker.log.read_text()


def _is_counted(api: str, path: str) -> bool:
    return "messages" in management.call(api, "GET", path)


def _as_scaler(example: Cluster) -> str:
    (authentication,) = of_kind(example.manifests, "TriggerAuthentication").values()
    told = {
        target["parameter"]: k8s.secret(example.manifests, target["name"])[target["key"]]
        for target in authentication["spec"]["secretTargetRef"]
    }
    return management.as_user(told["host"], told["username"], told["password"])
