"""Servers on a broker: their users, their worker processes and where these keep their data."""

import os
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev import definitions, management, ports
from dev.broker import Broker
from dev.processes import Program, tied

ONE_SERVER: Mapping[str, Sequence[str]] = {"main": ("acme", "globex")}
SERVER_PER_DOMAIN: Mapping[str, Sequence[str]] = {"acme": ("acme",), "globex": ("globex",)}

WORKERS = (sys.executable, "-m", "workers")


class Worker(Program):
    """A worker process, with its pools (none: all of them) and the port of its metrics."""

    def __init__(
        self, command: Sequence[str], pools: Sequence[str], env: Mapping[str, str], log: Path
    ) -> None:
        (self.metrics_port,) = ports.free(1)
        self.pools = tuple(pools)
        env = {**env, "ROLLCAST_METRICS_PORT": str(self.metrics_port)}
        super().__init__(tied([*command, *pools]), env, log)

    def is_healthy(self) -> bool:
        """Tell whether `/healthz` answers 200."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def wait_until_healthy(self) -> None:
        """Return when it serves; raise Failed, with the end of its log, if it does not come to that."""
        self.wait_until(self.is_healthy)


@dataclass(frozen=True)
class Server:
    """One server: what it serves, its own address of the broker, where it keeps things, its processes."""

    name: str
    domains: tuple[str, ...]
    amqp_url: str
    ledger: str
    spool: Path
    workers: tuple[Worker, ...]


@dataclass(frozen=True)
class Deployment:
    """Running servers, and what an operator's command line needs to reach them."""

    operator_url: str
    home: Path
    servers: Mapping[str, Server]

    @property
    def domains(self) -> tuple[str, ...]:
        """All domains that are served."""
        return tuple(domain for server in self.servers.values() for domain in server.domains)

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The processes of all servers."""
        return tuple(worker for server in self.servers.values() for worker in server.workers)


@contextmanager
def deployment(
    folder: Path,
    node: Broker,
    servers: Mapping[str, Sequence[str]] = ONE_SERVER,
    *,
    pools: Sequence[str] = (),
    copies: int = 1,
    ledgers: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    command: Sequence[str] = WORKERS,
) -> Iterator[Deployment]:
    """Run servers (name: domains) on `node` until the end of the block.

    `pools` empty: one process has them all; else each named pool has a process of its own. There are `copies`
    of each process. `ledgers` gives a database's URL for a server's name; without one it is an SQLite file.
    Several servers are each other's peers. Raises Failed if a worker does not get healthy.
    """
    (folder / "home").mkdir(parents=True, exist_ok=True)
    users = definitions.build(servers, node.version)
    definitions.apply(node.management_url, users)
    plan = _Plan(folder, node, servers, users, ledgers or {}, environment or {}, command)
    processes: Sequence[Sequence[str]] = [(pool,) for pool in pools] or [()]
    made = {name: plan.server(name, [*processes] * copies) for name in servers}
    running = Deployment(plan.as_user(node.amqp_url, definitions.OPERATOR), folder / "home", made)
    try:
        _start(running.workers)
        yield running
    finally:
        _stop(running.workers)


@dataclass(frozen=True)
class _Plan:
    folder: Path
    node: Broker
    servers: Mapping[str, Sequence[str]]
    users: dict[str, Any]
    ledgers: Mapping[str, str]
    environment: Mapping[str, str]
    command: Sequence[str]

    def server(self, name: str, processes: Sequence[Sequence[str]]) -> Server:
        """A server whose processes are not yet started."""
        folder = self.folder / name
        (folder / "spool").mkdir(parents=True, exist_ok=True)
        ledger = self.ledgers.get(name) or f"sqlite:///{folder / 'ledger.db'}"
        kept = {"ROLLCAST_LEDGER": ledger, "ROLLCAST_SPOOL": f"file://{folder / 'spool'}"}
        env = {**self._inherited(), **self._role(name), **kept, **self.environment}
        workers = tuple(
            Worker(self.command, pools, env, folder / f"{'-'.join(pools) or 'workers'}-{number}.log")
            for number, pools in enumerate(processes, 1)
        )
        domains = tuple(self.servers[name])
        return Server(name, domains, env["ROLLCAST_AMQP_URL"], ledger, folder / "spool", workers)

    def as_user(self, url: str, user: str) -> str:
        """An address of the broker for one of the users in the definitions."""
        return management.as_user(url, user, definitions.password(self.users, user))

    def _role(self, name: str) -> dict[str, str]:
        user = definitions.server_user(name)
        peers = [domain for other, domains in self.servers.items() if other != name for domain in domains]
        return {
            "ROLLCAST_AMQP_URL": self.as_user(self.node.amqp_url, user),
            "ROLLCAST_MANAGEMENT_URL": self.as_user(self.node.management_url, user),
            "ROLLCAST_SERVER": name,
            "ROLLCAST_DOMAINS": ",".join(self.servers[name]),
            "ROLLCAST_PEERS": ",".join(peers),
        }

    @staticmethod
    def _inherited() -> dict[str, str]:
        return {key: value for key, value in os.environ.items() if not key.startswith("ROLLCAST_")}


def _start(workers: Sequence[Worker]) -> None:
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.wait_until_healthy()


def _stop(workers: Sequence[Worker]) -> None:
    with ThreadPoolExecutor(len(workers)) as pool:
        list(pool.map(Worker.stop, workers))
