"""The stack's commands, and what can be asked about its containers."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dev.compose.engine import Engine
from dev.processes import Failed

POOLS = ("control", "bytes", "clock")
HERE = ("rabbitmq", "postgres", *POOLS, "prometheus")
"""All services but Grafana, for whose image no Debian package could stand in."""
RUN = ("run", "--rm", "--no-TTY")
"""Begins the command of a one-off container."""


class Stack:
    """The stack of the engine's checkout."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def checkout(self) -> Path:
        """Where this machine sees what the engine sees as its checkout."""
        return self.engine.checkout

    def compose(self, *words: str, timeout: float = 600) -> str:
        """What `docker compose` prints. Raises Failed if it fails."""
        return self.engine.run("docker", "compose", *words, timeout=timeout)

    def rollcast(self, *words: str, options: tuple[str, ...] = ()) -> str:
        """What the command line prints, run in a container of its own."""
        return self.compose(*RUN, *options, "rollcast", *words)

    def try_out(self) -> str:
        """What the second of the two commands prints."""
        return self.compose(*RUN, "try")

    def within(self, service: str, *words: str) -> str:
        """What a command prints in a service's container."""
        return self.compose("exec", "--no-TTY", service, *words)

    def containers(self, service: str) -> list[str]:
        """The ids of a service's containers."""
        return self.compose("ps", "--all", "--quiet", service).split()

    def inspect(self, container: str) -> Any:
        """What the engine knows of a container."""
        return json.loads(self.engine.run("docker", "inspect", container))[0]

    def healthy(self, service: str) -> int:
        """How many containers of a service say that they are healthy."""
        states = [self.inspect(container)["State"] for container in self.containers(service)]
        return sum(state["Running"] and state["Health"]["Status"] == "healthy" for state in states)

    def asked(self, query: str) -> float:
        """What Prometheus answers to a query for one number, 0 if it has none."""
        words = ("promtool", "query", "instant", "--format=json", "http://127.0.0.1:9090", query)
        rows = json.loads(self.within("prometheus", *words))
        return float(rows[0]["value"][1]) if rows else 0

    def series(self) -> set[str]:
        """The names of all series that Prometheus has."""
        words = ("promtool", "query", "labels", "http://127.0.0.1:9090", "__name__")
        return set(self.within("prometheus", *words).split())

    def answering(self) -> float:
        """How many workers Prometheus scrapes."""
        return self.asked('count(up{job="rollcast"} == 1)')

    def told(self, heading: str) -> str:
        """The commands that deploy/README.md gives below a heading."""
        section = (self.checkout / "deploy" / "README.md").read_text().split(f"## {heading}\n", 1)[1]
        return section.split("```\n", 2)[1]

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 300) -> None:
        """Wait for a condition. Raises Failed, with everybody's last lines, if it does not come true."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise Failed(f"{what}: not within {seconds:.0f} s\n{self.compose('logs', '--tail=20')}")
            time.sleep(0.5)

    def down(self) -> None:
        """End it, with all that it keeps."""
        self.compose("--profile=*", "down", "--volumes", "--remove-orphans", "--timeout=40")
