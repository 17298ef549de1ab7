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
from rollcast.topology import identity_exchange
from workers.identity.mark import NAME as MARK

ONE_SERVER: Mapping[str, Sequence[str]] = {"main": ("acme", "globex")}
SERVER_PER_DOMAIN: Mapping[str, Sequence[str]] = {"acme": ("acme",), "globex": ("globex",)}

GROUPS: Mapping[str, Sequence[str]] = {
    "control": ("operator", "s200", "s210", "s220", "s230", "s240", "s250", "s260", "s270", "s280", "s310"),
    "bytes": ("spool", "s290", "s300"),
    "clock": ("clock", "progress"),
}
"""Pools that an operator scales together."""

WORKERS = (sys.executable, "-m", "workers")


class Worker(Program):
    """A worker process, with its pools (none: all of them) and the port of its metrics."""

    def __init__(
        self,
        command: Sequence[str],
        pools: Sequence[str],
        env: Mapping[str, str],
        log: Path,
        cwd: Path | None = None,
    ) -> None:
        (self.metrics_port,) = ports.free(1)
        self.pools = tuple(pools)
        env = {**env, "ROLLCAST_METRICS_PORT": str(self.metrics_port)}
        super().__init__(tied([*command, *pools]), env, log, cwd)

    def is_healthy(self) -> bool:
        """Tell whether `/readyz` answers 200."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def sample(self, name: str) -> float:
        """A metric without labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} "))

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

    def spooled(self) -> set[Path]:
        """What stands in the spool beside its mark: files and folders, also while workers remove some."""
        found = {Path(at, name) for at, folders, files in os.walk(self.spool) for name in (*folders, *files)}
        return found - {self.spool / MARK}


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
    pools: Sequence[str | Sequence[str]] = (),
    copies: int = 1,
    ledgers: Mapping[str, str] | None = None,
    spools: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    command: Sequence[str] = WORKERS,
    operator: str = definitions.OPERATOR,
) -> Iterator[Deployment]:
    """Run servers (name: domains) on `node` until the end of the block.

    `pools` empty: one process has them all; else each named pool, or group of pools, has a process of its own.
    There are `copies` of these processes, as on so many hosts, each with a working folder of its own. `ledgers`
    and `spools` give URLs for a server's name; without one it has an SQLite file and a folder. Several servers are
    each other's peers. `operator` is the operator's broker user. Raises Failed if a worker does not get healthy.
    """
    (folder / "home").mkdir(parents=True, exist_ok=True)
    users = definitions.build(servers, node.version, node.vhost, operator)
    definitions.apply(node.management_url, users)
    forget(node, *servers)
    environment = {"ROLLCAST_OPERATORS": operator, **(environment or {})}
    plan = _Plan(folder, node, servers, users, ledgers or {}, spools or {}, environment, command)
    processes = [(pool,) if isinstance(pool, str) else tuple(pool) for pool in pools] or [()]
    made = {name: plan.server(name, processes, copies) for name in servers}
    running = Deployment(plan.as_user(node.amqp_url, operator), folder / "home", made)
    try:
        _start(running.workers)
        yield running
    finally:
        _stop(running.workers)


def forget(node: Broker, *servers: str) -> None:
    """Let servers come with other ledgers than those that the broker knows them by."""
    for server in servers:
        management.delete(node.management_url, node.path("exchanges", identity_exchange(server, "").name))


@dataclass(frozen=True)
class _Plan:
    folder: Path
    node: Broker
    servers: Mapping[str, Sequence[str]]
    users: dict[str, Any]
    ledgers: Mapping[str, str]
    spools: Mapping[str, str]
    environment: Mapping[str, str]
    command: Sequence[str]

    def server(self, name: str, processes: Sequence[Sequence[str]], copies: int) -> Server:
        """A server whose processes are not yet started."""
        folder = self.folder / name
        (folder / "spool").mkdir(parents=True, exist_ok=True)
        ledger = self.ledgers.get(name) or f"sqlite:///{folder / 'ledger.db'}"
        spool = self.spools.get(name) or f"file://{folder / 'spool'}"
        kept = {"ROLLCAST_LEDGER": ledger, "ROLLCAST_SPOOL": spool}
        env = {**self._inherited(), **self._role(name), **kept, **self.environment}
        workers = tuple(
            Worker(self.command, pools, env, _log(folder, pools, host), _host(folder, host))
            for host in range(1, copies + 1)
            for pools in processes
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


def _log(folder: Path, pools: Sequence[str], host: int) -> Path:
    return folder / f"{'-'.join(pools[:3]) or 'workers'}-{host}.log"


def _host(folder: Path, host: int) -> Path:
    made = folder / f"host-{host}"
    made.mkdir(exist_ok=True)
    return made


def _start(workers: Sequence[Worker]) -> None:
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.wait_until_healthy()


def _stop(workers: Sequence[Worker]) -> None:
    with ThreadPoolExecutor(len(workers)) as pool:
        list(pool.map(Worker.stop, workers))
