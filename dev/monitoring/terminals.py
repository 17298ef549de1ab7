"""Terminals and operators as processes of their own, and what a terminal can say that nobody understands."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel

from dev.chaos.amqp import on_channel
from dev.deployment import Deployment
from dev.processes import Failed, Program, tied
from rollcast.codec import CONTENT_TYPE
from rollcast.topology import UP

ROLLCAST = (sys.executable, "-m", "rollcast.cli")
DEADLINE_S = 240.0


class Terminals:
    """Runs `rollcast` against a deployment; none of its processes outlives the block."""

    def __init__(self, running: Deployment, folder: Path) -> None:
        self.folder = folder
        self._running = running
        self._receiving: list[Program] = []
        self._numbers = iter(range(1_000_000))
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("ROLLCAST_")},
            "ROLLCAST_HOME": str(running.home),
            "ROLLCAST_AMQP_URL": running.operator_url,
            "ROLLCAST_DOMAINS": ",".join(running.domains),
        }

    def __enter__(self) -> "Terminals":
        return self

    def __exit__(self, *_: object) -> None:
        for program in self._receiving:
            program.stop()

    def run(self, *arguments: str) -> str:
        """Run a command to its end, whatever its status; what it printed."""
        program = self.start(*arguments)
        wait_until(lambda: program.returncode is not None, f"rollcast {' '.join(arguments)} has ended")
        return program.log.read_text()

    def start(self, *arguments: str) -> Program:
        """Start a command."""
        log = self.folder / f"{arguments[0]}-{next(self._numbers)}.log"
        program = Program(tied([*ROLLCAST, *arguments]), self._environment, log)
        program.start()
        return program

    def receive(self, address: str, *options: str) -> Program:
        """A receiving terminal with a new account; returns when it is connected."""
        self.run("admin", "add", address)
        into = str(self.folder / "received" / address)
        program = self.start("receive", "--as", address, "--into", into, "--json", *options)
        self._receiving.append(program)
        program.wait_until(lambda: '"ready"' in program.tail(10_000), DEADLINE_S)
        return program

    def send(self, sender: str, receivers: Sequence[str], size: int, *options: str) -> Program:
        """Start to send a file of random bytes."""
        source = self.folder / f"file-{next(self._numbers)}.bin"
        source.write_bytes(os.urandom(size))
        to = [word for address in receivers for word in ("--to", address)]
        return self.start("send", str(source), "--as", sender, *to, "--json", *options)

    def say(self, address: str, verb: str, body: bytes) -> None:
        """Publish a body under one of the verbs of a terminal."""
        stored = json.loads((self._running.home / "credentials" / f"{address}.json").read_text())
        message = Message(
            body, user_id=address, content_type=CONTENT_TYPE, delivery_mode=DeliveryMode.PERSISTENT
        )

        async def publish(channel: AbstractChannel) -> object:
            exchange = await channel.get_exchange(UP, ensure=False)
            return await exchange.publish(message, f"{address.partition('@')[2]}.{address}.{verb}")

        on_channel(stored["amqp_url"], publish)


def ended(sending: Program) -> None:
    """Wait for the report of a sender. Raises Failed if there is none."""
    wait_until(lambda: sending.returncode is not None, f"{sending.log.stem} has ended")
    if sending.returncode not in {0, 1}:
        raise Failed(f"{sending.log.stem} ended with status {sending.returncode}:\n{sending.tail()}")


@contextmanager
def stopped(program: Program) -> Iterator[None]:
    """A process that stands still, its connections open."""
    program.tell(signal.SIGSTOP)
    try:
        yield
    finally:
        program.tell(signal.SIGCONT)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition. Raises Failed with `what` at the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"not after {DEADLINE_S:.0f} s: {what}")
        time.sleep(0.1)
