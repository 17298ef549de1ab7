"""The broker's settings of the manifests for Kubernetes, on three real nodes of the version that they name."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
import yaml

from dev.compose.engine import CHECKOUT, Engine
from dev.processes import Failed
from rollcast.topology import step_queue
from tests.compose.stack import Stack
from tests.kubernetes.manifests import KUBERNETES

CLUSTER = yaml.safe_load((KUBERNETES / "broker" / "rabbitmq-cluster.yaml").read_text())["spec"]
QUEUE = step_queue("main", "s210", ())
JOINING = """\
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = rabbit@one
"""
STARTED = """\
echo together > /var/lib/rabbitmq/.erlang.cookie
chmod 400 /var/lib/rabbitmq/.erlang.cookie
exec docker-entrypoint.sh rabbitmq-server
"""
NODES = ("one", "two", "three")
NETWORK = "nodes-of-a-broker"
pytestmark = pytest.mark.timeout(1200)


class Nodes:
    """The nodes; each joins the first one, if that is there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        queue = {"name": QUEUE.name, "vhost": "/", "durable": True, "auto_delete": False}
        definitions = {"vhosts": [{"name": "/"}], "queues": [{**queue, "arguments": dict(QUEUE.arguments)}]}
        (engine.checkout / "nodes.conf").write_text(CLUSTER["rabbitmq"]["additionalConfig"] + JOINING)
        (engine.checkout / "nodes.json").write_text(json.dumps(definitions))
        engine.run("docker", "network", "create", NETWORK)

    def start(self, name: str) -> None:
        """Start a node. Returns when it is up."""
        words = ("--detach", f"--name={name}", f"--hostname={name}", f"--network={NETWORK}")
        mounts = (
            f"--volume={CHECKOUT}/nodes.conf:/etc/rabbitmq/conf.d/90-nodes.conf:ro",
            f"--volume={CHECKOUT}/nodes.json:/nodes.json:ro",
        )
        begun = ("--entrypoint=sh", CLUSTER["image"], "-c", STARTED)
        self._engine.run("docker", "run", *words, *mounts, *begun)
        up = ("docker", "exec", name, "gosu", "rabbitmq", "rabbitmqctl", "await_startup")
        _wait(lambda: self._engine.attempt(*up).returncode == 0, lambda: self._log(name))

    def at(self, name: str, *words: str) -> str:
        """What a command prints on a node."""
        return self._engine.run("docker", "exec", name, "gosu", "rabbitmq", *words)

    def members(self) -> int:
        """On how many nodes the queue is."""
        words = ("rabbitmq-queues", "--quiet", "quorum_status", QUEUE.name, "--formatter=json")
        return len(json.loads(self.at("one", *words)))

    def end(self) -> None:
        """Remove them, and what they kept."""
        self._engine.attempt("docker", "rm", "--force", "--volumes", *NODES)
        self._engine.attempt("docker", "network", "rm", NETWORK)

    def _log(self, name: str) -> str:
        return self._engine.attempt("docker", "logs", "--tail=40", name).stdout


@pytest.fixture
def nodes(stack: Stack) -> Iterator[Nodes]:
    """Before the first one is started."""
    made = Nodes(stack.engine)
    try:
        yield made
    finally:
        made.end()


def test_a_queue_gets_a_member_on_each_node(nodes: Nodes) -> None:
    """Also if it was declared when the first node was alone."""
    nodes.start("one")
    nodes.at("one", "rabbitmqctl", "import_definitions", "/nodes.json")
    assert nodes.members() == 1
    nodes.start("two")
    nodes.start("three")
    _wait(lambda: nodes.members() == len(NODES) == CLUSTER["replicas"], lambda: "the queue does not grow")


def _wait(condition: Callable[[], bool], why: Callable[[], str]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(why())
        time.sleep(1)
