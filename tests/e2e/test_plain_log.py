"""What workers log of transfers in which nothing goes wrong: a line for each beginning, and one for each end."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from dev import management
from dev.broker import Broker
from dev.packages import CHECKOUT
from rollcast import topology
from rollcast.topology import MiB
from tests.e2e.worker_log import lines
from tests.e2e.world import World, deployed, random_file
from tests.people import ACME, ALICE, BOB, CAROL, DAVE, GLOBEX, SERVER_PER_DOMAIN
from tests.waiting import DEADLINE_S, wait_until

SMALL, BIG = 3, 20 * MiB + 17
LIBRARIES = ("aio_pika", "aiormq", "sqlalchemy", "asyncio", "aiohttp")


class Played(NamedTuple):
    """A transfer: what it has sent to how many, how it ended for whom."""

    size: int
    receivers: int
    state: str
    counts: Mapping[str, int]


KINDS: Mapping[str, tuple[Sequence[str], Sequence[str], Played]] = {
    "live": ([BOB], [], Played(SMALL, 1, "completed", {"delivered": 1})),
    "several": ([BOB, CAROL], [], Played(BIG, 2, "completed", {"delivered": 2})),
    "eager": ([BOB, CAROL], ["--upload", "eager"], Played(BIG, 2, "completed", {"delivered": 2})),
    "partial": ([CAROL, DAVE], [], Played(SMALL, 2, "partial", {"delivered": 1, "rejected": 1})),
    "declined": ([DAVE], [], Played(SMALL, 1, "declined", {"rejected": 1})),
    "dry run": ([BOB, CAROL], ["--dry-run"], Played(SMALL, 2, "listed", {"accepted": 2})),
    "empty": ([BOB, CAROL], [], Played(0, 2, "completed", {"delivered": 2})),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, node: Broker) -> Iterator[World]:
    """A server for each domain, which logs all that it has to say."""
    folder = tmp_path_factory.mktemp("plain")
    with deployed(folder, node, SERVER_PER_DOMAIN, environment={"ROLLCAST_LOG_LEVEL": "Debug"}) as made:
        made.add(ALICE)
        made.receive(BOB)
        made.receive(CAROL)
        made.receive(DAVE, "--accept", "none")
        yield made


@pytest.fixture(scope="module")
def played(world: World) -> Mapping[str, Played]:
    """Transfers that have ended and been cleaned up after, by their ids."""
    found = {}
    sending = []
    for name, (receivers, options, end) in KINDS.items():
        source = random_file(world.folder / f"{name}.bin", end.size)
        sending.append((world.start(*world.sending(source, ALICE, receivers, *options)), end))
    for process, end in sending:
        out, said = process.communicate(timeout=DEADLINE_S)
        document = json.loads(out)
        assert document["state"] == end.state, said
        found[document["transfer_id"]] = end
    wait_until(lambda: not _left(world, found), "all is cleaned up")
    return found


def _left(world: World, transfers: Iterable[str]) -> list[str]:
    """Exchanges of these transfers' casts, and what is spooled."""
    node = world.node
    exchanges = management.call(node.management_url, "GET", node.path("exchanges"))
    ours = {topology.cast(ACME, transfer) for transfer in transfers}
    casts = sorted(ours & {one["name"] for one in exchanges})
    return casts + [str(path) for server in world.running.servers.values() for path in server.spooled()]


def _said(world: World, server: str) -> list[dict[str, Any]]:
    return [line for worker in world.running.servers[server].workers for line in lines(worker)]


def test_nothing_is_to_be_acted_on(world: World, played: Mapping[str, Played]) -> None:
    """Chunks that were late, and whatever else belongs to a plain transfer, warn nobody."""
    assert played
    worse = [
        line
        for server in world.running.servers
        for line in _said(world, server)
        if line["level"] not in {"debug", "info"}
    ]
    assert worse == []


def test_each_transfer_begins_and_ends_with_a_line(world: World, played: Mapping[str, Played]) -> None:
    """In the log of the sender's server, and with nothing else about it between them."""
    informed = [line for line in _said(world, ACME) if line["level"] == "info" and "transfer" in line]
    begins = {line["transfer"]: line for line in informed if line["event"] == "a transfer begins"}
    ends = {line["transfer"]: line for line in informed if line["event"] == "a transfer has ended"}
    assert len(informed) == len(begins) + len(ends)
    told = {
        transfer: Played(begin["size"], begin["receivers"], end["state"], end["counts"])
        for transfer, begin in begins.items()
        if (end := ends[transfer])
    }
    assert told == played
    assert {line["sender"] for line in informed} == {ALICE}
    assert all(end["duration_s"] >= 0 for end in ends.values())
    assert [line for line in _said(world, GLOBEX) if line["level"] == "info" and "transfer" in line] == []


def test_the_lines_are_as_the_readme_shows_them(world: World, played: Mapping[str, Played]) -> None:
    """With the same fields."""
    assert played
    text = (CHECKOUT / "README.md").read_text()
    for event in ("a transfer begins", "a transfer has ended"):
        (shown,) = re.findall(rf'^{{"timestamp".*"event": "{event}".*}}$', text, re.MULTILINE)
        told = [line for line in _said(world, ACME) if line["event"] == event]
        assert {frozenset(line) for line in told} == {frozenset(json.loads(shown))}


def test_libraries_say_nothing_at_debug(world: World, played: Mapping[str, Played]) -> None:
    """They would put the bodies of messages, and chunks, into the log."""
    assert played
    loggers = {line["logger"] for server in world.running.servers for line in _said(world, server)}
    assert not {name for name in loggers if name.startswith(LIBRARIES)}
