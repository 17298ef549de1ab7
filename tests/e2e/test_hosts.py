"""Two worker hosts that share a broker, a database, a bucket and nothing else deliver, whatever becomes of these."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dev.broker import Broker
from dev.packages import Missing
from dev.postgres import Cluster
from rollcast.topology import MiB
from tests.e2e.site import CHUNKS, Site, site, until
from tests.lacking import give_up

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, node: Broker) -> Iterator[Site]:
    """Two hosts."""
    try:
        with site(tmp_path_factory.mktemp("hosts"), node) as made:
            yield made
    except Missing as missing:
        give_up(missing)


def test_they_deliver_together(both: Site, tmp_path: Path) -> None:
    """Live and eager, to several receivers; both store chunks, which they get in turn, and keep no file."""
    before = _stored(both)
    kinds = ("live", "eager", "live", "eager")
    sendings = [
        both.send(tmp_path, f"{number}.bin", 5 * MiB + number, "--upload", kind)
        for number, kind in enumerate(kinds)
    ]
    for sending in sendings:
        sending.ends()
    for sending in sendings:
        sending.process.wait()
    for sending in sendings:
        sending.completes()
    assert all(now > then for then, now in zip(before, _stored(both), strict=True)), before
    folder = both.host(1)[0].log.parent
    assert [path for name in ("host-1", "host-2", "spool") for path in (folder / name).iterdir()] == []


def _stored(both: Site) -> list[float]:
    """How many chunks each host has stored since it started."""
    spooled = "rollcast_chunks_spooled_total"
    return [sum(both.world.metric_of(worker, spooled) for worker in both.host(number)) for number in (1, 2)]


def test_a_whole_host_is_killed(both: Site, tmp_path: Path) -> None:
    """In the middle of a transfer; the other one goes on, to the end."""
    sending = both.send_half(tmp_path)
    dead = both.host(1)
    for worker in dead:
        worker.kill()
    both.way.lets = None
    until(lambda: len(sending.stored()) == CHUNKS, "the other host stores the rest")
    sending.ends()
    sending.process.wait()
    for worker in dead:
        worker.start()
    for worker in dead:
        worker.wait_until_healthy()
    sending.completes()


@pytest.mark.parametrize("upload", ["live", "eager"])
@pytest.mark.parametrize("end", [Cluster.stop, Cluster.kill], ids=["stopped", "killed"])
def test_the_database_is_away_for_a_while(
    both: Site, tmp_path: Path, end: Callable[[Cluster], None], upload: str
) -> None:
    """In the middle of a transfer; all workers wait for it, and nothing is given up."""
    sending = both.send_half(tmp_path, "--upload", upload)
    said = len(both.says("the ledger"))
    end(both.cluster)
    until(lambda: len(both.says("the ledger")) >= said + 6, "it is missed")
    both.cluster.start()
    sending.completes()


def test_the_bucket_answers_errors(both: Site, tmp_path: Path) -> None:
    """Chunks go back to their queue, ever more seldom, and are stored when it works again."""
    sending = both.send_half(tmp_path)
    both.way.refuses = frozenset({"PUT"})
    said = len(both.says("gives chunks back"))
    until(lambda: len(both.says("gives chunks back")) >= said + 3, "it is missed")
    both.way.refuses, both.way.lets = frozenset(), None
    until(lambda: len(sending.stored()) == CHUNKS, "all chunks are stored")
    sending.completes()


def test_the_bucket_is_away_for_a_while(both: Site, tmp_path: Path) -> None:
    """Its server is stopped and started again."""
    sending = both.send_half(tmp_path)
    both.bucket.stop()
    both.way.lets = None
    said = len(both.says("gives chunks back"))
    until(lambda: len(both.says("gives chunks back")) > said, "it is missed")
    both.bucket.start()
    until(lambda: len(sending.stored()) == CHUNKS, "all chunks are stored")
    sending.completes()


def test_the_bucket_cannot_be_read(both: Site, tmp_path: Path) -> None:
    """When the file is to be verified, and then cast."""
    both.way.refuses = frozenset({"GET"})
    sending = both.send(tmp_path, "big.bin", CHUNKS * MiB, "--upload", "eager")
    until(lambda: len(sending.stored()) == CHUNKS, "all chunks are stored")
    until(lambda: bool(both.says("the spool cannot be read")), "it is missed")
    assert not sending.is_delivered()
    both.way.refuses = frozenset()
    sending.completes()


def test_the_bucket_lets_nothing_be_deleted(both: Site, tmp_path: Path) -> None:
    """When the transfer has ended. It is cleaned up when that is possible again."""
    both.way.refuses = frozenset({"POST"})
    sending = both.send(tmp_path, "kept.bin", 3 * MiB + 1)
    until(lambda: len(sending.stored()) == 4, "all chunks are stored")
    sending.ends()
    until(lambda: bool(both.says("the spool cannot delete")), "it is missed")
    assert len(sending.stored()) == 4
    both.way.refuses = frozenset()
    sending.completes()
