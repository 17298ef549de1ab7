"""What all benchmarks stand on: a broker, a server with production settings, accounts, receiving processes."""

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.broker import MEMORY, Node, private_node
from dev.deployment import Deployment, deployment
from dev.processes import Program, tied
from rollcast import Credentials, Operator
from rollcast.messages.values import Limits
from rollcast.settings import ClientSettings

MiB = 1024 * 1024
ROLLCAST = (sys.executable, "-m", "rollcast.cli")


@dataclass(frozen=True)
class Stage:
    """A deployment with its node, and the settings of an operator's terminal."""

    folder: Path
    node: Node
    deployment: Deployment
    settings: ClientSettings

    @property
    def environment(self) -> dict[str, str]:
        """What a command-line process needs to find its credentials."""
        return {**os.environ, "ROLLCAST_HOME": str(self.settings.home)}

    def credentials(self, address: str) -> Credentials:
        """Those of an account."""
        return Credentials.load(address, self.settings)


@contextmanager
def stage(
    folder: Path,
    addresses: Sequence[str],
    memory: str = MEMORY,
    *,
    workers: int = 1,
    ledger: str | None = None,
) -> Iterator[Stage]:
    """A new broker and server in `folder`, with these accounts; the broker may use so much memory.

    The server has so many `workers`, processes with all pools, and its `ledger` there, if not in an SQLite file.
    """
    ledgers = {"main": ledger} if ledger else {}
    with (
        private_node(folder / "node", memory) as node,
        deployment(folder, node, copies=workers, ledgers=ledgers) as running,
    ):
        settings = ClientSettings(running.home, running.operator_url, running.domains)
        asyncio.run(_add(addresses, settings))
        yield Stage(folder, node, running, settings)


async def _add(addresses: Sequence[str], settings: ClientSettings) -> None:
    assert settings.amqp_url is not None
    async with Operator.connect(settings.amqp_url, settings.domains) as operator:
        for address in addresses:
            (await operator.add(address, Limits())).save(settings)


@contextmanager
def receiving(stage: Stage, addresses: Sequence[str]) -> Iterator[Mapping[str, Program]]:
    """A connected `rollcast receive` process for each address; ended at the end of the block."""
    processes = {address: _receiver(stage, address) for address in addresses}
    try:
        for process in processes.values():
            process.start()
        for process in processes.values():
            process.wait_until(lambda: '"ready"' in process.tail(1_000))  # noqa: B023
        yield processes
    finally:
        for process in processes.values():
            process.stop()


def _receiver(stage: Stage, address: str) -> Program:
    into = stage.folder / "received" / address
    into.mkdir(parents=True)
    command = [*ROLLCAST, "receive", "--as", address, "--into", str(into), "--accept", "all", "--json"]
    return Program(tied(command), stage.environment, into.with_suffix(".log"))


def random_file(path: Path, size: int) -> Path:
    """A file of `size` random bytes."""
    with path.open("wb") as file:
        for start in range(0, size, MiB):
            file.write(os.urandom(min(MiB, size - start)))
    return path
