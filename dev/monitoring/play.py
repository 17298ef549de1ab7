"""Transfers, and what can go wrong with them: each fault shows in a metric."""

from collections.abc import Sequence
from pathlib import Path

import msgpack
from aio_pika.abc import AbstractChannel

from dev import management
from dev.broker import Node
from dev.chaos.amqp import on_channel
from dev.deployment import Deployment
from dev.monitoring.terminals import Terminals, ended, stopped, wait_until
from dev.processes import Program
from rollcast.topology import MiB, lane, step_queue

ALICE, BOB, CAROL, DAVE = "alice@acme", "bob@acme", "carol@globex", "dave@globex"
ERIN, FRANK, NOBODY = "erin@acme", "frank@globex", "nobody@globex"
EVERYBODY = (BOB, CAROL, DAVE, ERIN, FRANK, NOBODY)
"""Three that accept, one that declines, one that takes nothing so big, one that does not exist."""
BIG = 192 * MiB
"""More than is granted at first: lanes are looked at before the rest."""
IN_LANE = 20
"""Chunks that wait for who stands still."""


class Play:
    """A deployment whose control group is one process, and what happens in it."""

    def __init__(self, node: Node, running: Deployment, terminals: Terminals) -> None:
        self._node, self._running, self._terminals = node, running, terminals
        self._bob: Program | None = None

    def prepare(self) -> None:
        """Accounts, and receivers that are connected."""
        self._terminals.run("admin", "add", ALICE)
        self._bob = self._terminals.receive(BOB, "--accept", "all")
        for address in (CAROL, DAVE):
            self._terminals.receive(address, "--accept", "all")
        self._terminals.receive(ERIN, "--accept", "none")
        self._terminals.receive(FRANK, "--accept", "all", "--max-file-size", "100KiB")

    def deliver(self, sizes: Sequence[int]) -> None:
        """A transfer to everybody for each size, one after the other."""
        for size in sizes:
            ended(self._terminals.send(ALICE, EVERYBODY, size, "--consent-timeout", "20s"))

    def park(self) -> None:
        """A message that nobody can read."""
        self._terminals.say(ALICE, "request", b"\xc1")

    def retry(self) -> None:
        """A message that only a later program can read."""
        self._terminals.say(ALICE, "request", msgpack.packb({"type": "TransferRequested/2"}))

    def redeliver(self) -> None:
        """A worker dies with a message in its hands."""
        (worker,) = (worker for worker in self._running.workers if "s200" in worker.pools)
        queue = step_queue("main", "s200", ()).name
        with stopped(worker):
            self._terminals.say(ALICE, "query", b"\xc1")
            wait_until(lambda: self._depth(queue) == 0, "the worker was given the message")
            worker.kill()
        worker.start()
        worker.wait_until_healthy()

    def stand_still(self, late: bool) -> None:
        """A receiver stands still, until it is `late` if wanted, and loses what was in its lane; it is repaired."""
        assert self._bob is not None
        parts = Path(self._terminals.folder / "received" / BOB / ".rollcast")
        before = set(parts.glob("*.part"))
        sending = self._terminals.send(ALICE, [BOB, CAROL, DAVE], BIG)
        wait_until(lambda: len(set(parts.glob("*.part")) - before) == 1, "the lane is open")
        (part,) = set(parts.glob("*.part")) - before
        queue = lane(BOB, part.stem, "").name
        with stopped(self._bob):
            wait_until(lambda: self._depth(queue) >= IN_LANE, "the lane fills")
            if late:
                wait_until(self._somebody_is_late, "somebody is late")
            management.delete(self._node.management_url, self._node.path("queues", queue) + "/contents")
        ended(sending)

    def _somebody_is_late(self) -> bool:
        return any(worker.sample("rollcast_receivers_late") > 0 for worker in self._running.workers)

    def _depth(self, queue: str) -> int:
        async def look(channel: AbstractChannel) -> int:
            return (await channel.declare_queue(queue, passive=True)).declaration_result.message_count or 0

        return on_channel(self._node.amqp_url, look)
