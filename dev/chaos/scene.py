"""All that takes part: the broker, three servers, receivers, and whoever sends at the moment."""

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from dev.broker import Broker
from dev.chaos.disk import Disk, small_disk
from dev.chaos.kept import Kept
from dev.chaos.sending import ROLLCAST, Sending
from dev.chaos.wishes import ACCEPTING, DECLINING, ON_SMALL_DISK, SENDERS, SERVERS, SILENT, Wish
from dev.deployment import Deployment, deployment
from dev.processes import Program, tied
from rollcast import Operator
from rollcast.messages.values import Limits
from rollcast.settings import ClientSettings

RECEIVING = dict.fromkeys((*ACCEPTING, ON_SMALL_DISK), "all") | {DECLINING: "none"}
COPIES = 2
"""Processes of each server, all pools in each."""


@dataclass(frozen=True)
class Scene:
    """What faults choose their victims from."""

    broker: Broker
    running: Deployment
    folder: Path
    environment: Mapping[str, str]
    workers: tuple[Kept, ...]
    receivers: tuple[Kept, ...]
    disk: Disk | None
    sendings: list[Sending] = field(default_factory=list)
    cancellings: list[Program] = field(default_factory=list)

    @property
    def kept(self) -> tuple[Kept, ...]:
        """All processes of ours."""
        return (*self.workers, *self.receivers, *self.sendings)

    @property
    def on_their_way(self) -> int:
        """How many transfers somebody has still to do something for."""
        return sum(not sending.ended for sending in self.sendings)

    def look(self) -> None:
        """Start again what has ended by itself."""
        for kept in self.kept:
            kept.look()

    def inbox(self, address: str) -> Path:
        """The folder that an address receives into."""
        return self.folder / "received" / address

    def send(self, wish: Wish) -> Sending:
        """Begin a transfer of a new file of random bytes."""
        source = self.folder / "sources" / wish.name
        source.parent.mkdir(exist_ok=True)
        source.write_bytes(os.urandom(wish.size))
        sending = Sending(wish, source, self.environment, self.folder / f"send-{wish.number:03}.log")
        sending.begin()
        self.sendings.append(sending)
        return sending

    def cancel(self, sending: Sending) -> bool:
        """Begin to take a transfer back, if the server has it. Returns whether it does."""
        cancelling = sending.cancelling(self.folder / f"cancel-{sending.wish.number:03}.log")
        if cancelling is not None:
            cancelling.start()
            self.cancellings.append(cancelling)
        return cancelling is not None


@contextmanager
def scene(folder: Path, broker: Broker) -> Iterator[Scene]:
    """Everything set up and connected, in `folder`; ended at the end of the block."""
    with (
        small_disk(folder / "received" / ON_SMALL_DISK) as disk,
        deployment(folder, broker, SERVERS, copies=COPIES) as running,
    ):
        asyncio.run(_add(running, (*SENDERS, *RECEIVING, SILENT)))
        environment = _environment(running)
        workers = tuple(
            Kept(f"{server.name}-{number}", worker)
            for server in running.servers.values()
            for number, worker in enumerate(server.workers, 1)
        )
        receivers = tuple(_receiver(folder, address, environment) for address in RECEIVING)
        made = Scene(broker, running, folder, environment, workers, receivers, disk)
        try:
            silent = _receiver(folder, SILENT, environment)
            _begin((*receivers, silent))
            silent.program.stop()
            yield made
        finally:
            terminals = (kept.program for kept in (*made.receivers, *made.sendings))
            for program in (*terminals, *made.cancellings):
                program.kill()


def _environment(running: Deployment) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("ROLLCAST_")}
    return inherited | {"ROLLCAST_HOME": str(running.home)}


async def _add(running: Deployment, addresses: Iterable[str]) -> None:
    settings = ClientSettings(running.home, running.operator_url, running.domains)
    async with Operator.connect(running.operator_url, running.domains) as operator:
        for address in addresses:
            (await operator.add(address, Limits())).save(settings)


def _receiver(folder: Path, address: str, environment: Mapping[str, str]) -> Kept:
    into = folder / "received" / address
    accept = RECEIVING.get(address, "none")
    command = [*ROLLCAST, "receive", "--as", address, "--into", str(into), "--accept", accept, "--json"]
    return Kept(address, Program(tied(command), environment, folder / f"receive-{address}.log"))


def _begin(receivers: Iterable[Kept]) -> None:
    for receiver in receivers:
        receiver.begin()
    for receiver in receivers:
        receiver.program.wait_until(partial(_is_ready, receiver.program))


def _is_ready(program: Program) -> bool:
    return '"ready"' in program.tail(1_000)
