"""Two worker hosts that share a ledger on PostgreSQL and a bucket for the spool, and no file."""

import functools
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dev import postgres, s3
from dev.broker import Broker
from dev.deployment import Worker
from dev.postgres import Cluster
from dev.s3 import Bucket
from rollcast.topology import MiB
from tests.contract.raw_client import Terminal
from tests.e2e import damage
from tests.e2e.front import Front, front
from tests.e2e.raw import PARKED
from tests.e2e.rollcall import answer, receipt, receiver
from tests.e2e.underway import digest
from tests.e2e.world import World, clean, deployed, random_file
from tests.people import ACME, ALICE, BOB, CAROL, DAVE, SERVER
from tests.waiting import wait_until

RECEIVERS = (BOB, CAROL, DAVE, f"frank@{ACME}")
CONTROL = ("operator", "s200", "s210", "s220", "s230", "s240", "s250", "s260", "s270", "s280", "s310")
BYTES = ("spool", "s290", "s300")
CLOCK = ("clock", "progress")
CHUNKS, FIRST = 48, 10
"""Of a big file, and those that the bucket has when it is in the middle of it."""
DEADLINE_S = 240.0
until = functools.partial(wait_until, seconds=DEADLINE_S)
"""Longer than elsewhere: outages are told in pauses that grow."""


class Site:
    """The hosts and what they share; the bucket is reached by a way that may be slow, or answer errors."""

    def __init__(
        self, world: World, cluster: Cluster, bucket: Bucket, way: Front, connections: ExitStack
    ) -> None:
        self.world, self.cluster, self.bucket, self.way = world, cluster, bucket, way
        self._connections = connections
        world.add(ALICE)
        for address in RECEIVERS:
            world.receive(address)

    def host(self, number: int) -> Sequence[Worker]:
        """The processes of a host."""
        return [worker for worker in self.world.running.workers if worker.log.stem.endswith(f"-{number}")]

    def send(self, folder: Path, name: str, size: int, *options: str) -> "Sending":
        """Start to send a file to all receivers, and to a last one."""
        source = random_file(folder / name, size)
        last = receiver(self.world, self._connections)
        to = [*RECEIVERS, last.name]
        process = self.world.start(*self.world.sending(source, ALICE, to, *options))
        transfer_id = last.hear("ConsentAsked")["offer"]["transfer_id"]
        answer(last, transfer_id, True)
        return Sending(self, source, process, last, transfer_id)

    def send_half(self, folder: Path, *options: str) -> "Sending":
        """Start to send a big file, and return when the bucket has some chunks; it gets no more for the present."""
        self.way.lets = FIRST
        sending = self.send(folder, "big.bin", CHUNKS * MiB, *options)
        until(lambda: len(sending.stored()) == FIRST, "chunks are stored")
        return sending

    def says(self, words: str) -> list[str]:
        """The lines of all workers' logs that have these words."""
        logs = [worker.log.read_text() for worker in self.world.running.workers]
        return [line for log in logs for line in log.splitlines() if words in line]

    def assert_nothing_is_left(self) -> None:
        """Neither objects nor lanes, nothing was given up, and all workers are alive."""
        until(lambda: not self.bucket.objects(), "the bucket is empty")
        until(lambda: not damage.names(self.world.node, "rollcast.lane."), "there are no lanes")
        assert damage.depth(self.world.node, PARKED) == 0
        assert [
            worker.log.stem for worker in self.world.running.workers if worker.returncode is not None
        ] == []


class Sending:
    """A file on its way. The last receiver says that it has it when it is told to: until then it is not over."""

    def __init__(
        self, site: Site, source: Path, process: "subprocess.Popen[str]", last: Terminal, transfer_id: str
    ) -> None:
        self.process = process
        self._site, self._source = site, source
        self._last, self._transfer_id = last, transfer_id

    def stored(self) -> list[str]:
        """The chunks that the bucket has."""
        return [name for name in self._site.bucket.objects() if self._transfer_id in name]

    def is_delivered(self) -> bool:
        """Whether all receivers but the last one have it."""
        return all((self._site.world.inbox(who) / self._source.name).exists() for who in RECEIVERS)

    def ends(self) -> None:
        """The last one says that it has it, after all others."""
        until(self.is_delivered, "everybody has it")
        said = {"bytes": self._source.stat().st_size, "hash": {"blake3": digest(self._source)}}
        self._last.say("receipt", receipt(self._transfer_id, **said))

    def completes(self) -> None:
        """Everybody gets it, and afterwards nothing is left."""
        self._site.way.lets = None
        self.ends()
        out, said = self.process.communicate(timeout=DEADLINE_S)
        assert self.process.returncode == 0, (out, said)
        assert '"completed"' in out
        for address in RECEIVERS:
            received = self._site.world.inbox(address) / self._source.name
            assert digest(received) == digest(self._source), address
            received.unlink()
        self._site.assert_nothing_is_left()


@contextmanager
def site(folder: Path, node: Broker) -> Iterator[Site]:
    """Both hosts, which start at once on an empty database."""
    clean(node)
    with (
        postgres.cluster(folder / "postgres") as cluster,
        s3.bucket(folder / "s3") as bucket,
        front(bucket.port) as way,
        deployed(
            folder,
            node,
            pools=(CONTROL, BYTES, CLOCK),
            copies=2,
            ledgers={SERVER: cluster.url},
            spools={SERVER: bucket.url},
            environment=bucket.environment(way.port),
        ) as world,
        ExitStack() as connections,
    ):
        yield Site(world, cluster, bucket, way, connections)
