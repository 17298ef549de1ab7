"""A deployment as an operator groups it, on a private broker, watched by a Prometheus."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.broker import Node, private_node
from dev.deployment import GROUPS, Deployment, deployment
from dev.monitoring import scraping
from dev.monitoring.play import Play
from dev.monitoring.prometheus import Prometheus, prometheus
from dev.monitoring.terminals import Terminals

PROCESSES = ("control", "bytes", "clock", "clock")
"""The group of each worker process: two clocks do no harm, not even to what is counted."""


@dataclass(frozen=True)
class Observed:
    """All of it."""

    node: Node
    running: Deployment
    terminals: Terminals
    play: Play
    prometheus: Prometheus


@contextmanager
def observed(folder: Path) -> Iterator[Observed]:
    """Run it in `folder` until the end of the block. Raises Missing, Failed."""
    groups = [GROUPS[name] for name in PROCESSES]
    with private_node(folder / "broker") as node, deployment(folder, node, pools=groups) as running:
        ports = defaultdict(list)
        for name, worker in zip(PROCESSES, running.workers, strict=True):
            ports[name].append(worker.metrics_port)
        configuration = scraping.write(folder / "prometheus.yml", ports, node.prometheus_port)
        with (
            prometheus(folder / "prometheus", configuration) as watching,
            Terminals(running, folder) as terminals,
        ):
            yield Observed(node, running, terminals, Play(node, running, terminals), watching)
