"""What `rollcast top` makes of the servers' answers."""

import json
from typing import Any

import msgspec
import pytest

from rollcast.cli.overview_json import overview_json
from rollcast.cli.overview_picture import draw
from rollcast.messages import OverviewAnswered
from rollcast.messages.figures import (
    BrokerFigures,
    QueueFigures,
    SpoolFigures,
    Straggler,
    TransferCount,
)
from rollcast.messages.values import ReceiverStatus, TransferStatus
from rollcast.overview import Overview, together
from rollcast.states import Receiver, Transfer
from rollcast.topology import MiB, parked, progress_queue, retry_queue, spool_queue, step_queue
from tests.unit.test_cli_looking import NOW, receiving, transfer

BROKER = BrokerFigures(version="4.1.0", memory=100 * MiB, memory_limit=1000 * MiB, disk_free=2048 * MiB)
SPOOL = SpoolFigures(reserved=5 * MiB, quota=100 * MiB, free=None)


def queue(name: str, ready: int = 0, consumers: int = 1, **fields: Any) -> QueueFigures:
    """A queue with so many messages."""
    return QueueFigures(name=name, ready=ready, consumers=consumers, unacknowledged=0, **fields)


def queues(server: str = "main", **ready: int) -> list[QueueFigures]:
    """Those of a server: two steps, spool, progress, a rung, what is parked."""
    return [
        queue(step_queue(server, "s200", ()).name, rate_in=1.25, rate_out=120.4),
        queue(step_queue(server, "s240", ()).name, ready.get("s240", 0), consumers=0),
        queue(spool_queue(server).name),
        queue(progress_queue(server, ()).name),
        queue(retry_queue(server, "5s", 0).name, ready.get("rung", 0), consumers=0),
        queue(parked(server).name, ready.get("parked", 0), consumers=0),
    ]


def answer(server: str = "main", **fields: Any) -> OverviewAnswered:
    """What a server says of a domain without transfers."""
    usual: dict[str, Any] = {
        "queues": queues(server),
        "broker": BROKER,
        "spool": SPOOL,
        "counts": [],
        "open": 0,
        "transfers": [],
        "stragglers": [],
    }
    return OverviewAnswered(server=server, at=NOW, **usual | fields)


def casting(number: int, **fields: Any) -> TransferStatus:
    """A transfer under way."""
    made = transfer(Transfer.CASTING, {Receiver.RECEIVING: 2}, name=f"file-{number}", **fields)
    return msgspec.structs.replace(made, transfer_id=f"{number:032x}", created_at=number)


def straggler(number: int, receiver: ReceiverStatus) -> Straggler:
    """Who holds a transfer up."""
    return Straggler(transfer_id=f"{number:032x}", size=1000, receiver=receiver)


def busy(many: int = 1) -> Overview:
    """A server with a backlog, and so many transfers and stragglers."""
    return together(
        [
            answer(
                queues=queues(s240=37, rung=2, parked=1),
                counts=[
                    TransferCount(state=Transfer.CASTING, number=many),
                    TransferCount(state=Transfer.COMPLETED, number=12),
                ],
                open=many + 3,
                transfers=[casting(n, rate=2048) for n in range(many)],
                stragglers=[straggler(n, receiving(f"r{n}@acme", 500, rate=10)) for n in range(many)],
            )
        ]
    )


def test_a_server_of_two_domains_is_there_once() -> None:
    """Its transfers are those of both."""
    counts = [TransferCount(state=Transfer.CASTING, number=1)]
    slow, quick, still = (
        receiving("slow@acme", 10, rate=1),
        receiving("quick@acme", 900, rate=1),
        receiving("still@acme", 950, rate=0),
    )
    acme = answer(counts=counts, open=1, transfers=[casting(1)], stragglers=[straggler(1, quick)])
    globex = answer(
        counts=counts,
        open=1,
        transfers=[casting(2)],
        stragglers=[straggler(2, slow), straggler(2, still)],
    )
    other = answer("other")
    overview = together([acme, globex, other])
    assert [server.server for server in overview.servers] == ["main", "other"]
    assert (overview.counts[Transfer.CASTING], overview.open) == (2, 2)
    assert [one.file.name for one in overview.transfers] == ["file-2", "file-1"]
    assert [one.receiver for one in overview.stragglers] == [still, slow, quick]


def test_a_busy_server_is_drawn() -> None:
    """Pools with their backlogs and rates, what is kept for later, transfers, stragglers."""
    lines = draw(busy(), 110, 40)
    assert lines[1] == "main  RabbitMQ 4.1.0, memory 100.0 MiB of 1000.0 MiB, disk 2.0 GiB free"
    rows = {row.split()[0]: row.split() for row in lines[2:] if row}
    assert rows["pool"][:6] == ["pool", "ready", "taken", "workers", "in/s", "out/s"]
    assert rows["s200"][:6] == ["s200", "0", "0", "1", "1.2", "120"]
    assert rows["s240"][:4] == ["s240", "37", "0", "NONE"]
    assert rows["s210"][:2] == ["s210", "absent"]
    assert (
        "spool 5.0 MiB of 100.0 MiB; to be tried again: 5s 2; parked: 1, see `rollcast parked list`" in lines
    )
    assert "transfers (ended ones of a day): 1 casting, 12 completed" in lines
    assert rows["0" * 32][3:] == ["file-0", "1000", "B", "casting", "0/2", "2.0", "KiB/s", "2", "receivers"]
    assert "and 3 that began before" in lines
    assert rows["r0@acme"][1:] == ["0" * 32, "500", "B", "50%", "10", "B/s", "50", "s"]


@pytest.mark.parametrize("rows", [40, 24, 16])
@pytest.mark.parametrize("columns", [80, 140])
def test_it_fits_the_terminal(rows: int, columns: int) -> None:
    """Transfers and stragglers share what the pools leave; both are there if there is any room."""
    lines = draw(busy(50), columns, rows)
    assert len(lines) <= rows
    assert all(len(line) <= columns for line in lines)
    if rows >= 24:
        assert any(line.startswith(f"{49:032x}") for line in lines)
        assert any(line.startswith("r0@acme") for line in lines)


def test_in_80_columns_the_rates_are_there() -> None:
    """Of the pools on the right-hand side too; what stands still is told of the straggler, and its name."""
    still = straggler(1, receiving("carol@globex", 500, rate=0, quiet=12))
    names = [step_queue("main", pool, ()).name for pool in ("operator", "s200", "s270")]
    rated = [queue(name, rate_in=120.4, rate_out=7.5) for name in names]
    shown = answer(queues=rated, open=1, transfers=[casting(1, rate=4 * MiB)], stragglers=[still])
    lines = draw(together([shown]), 80, 40)
    assert [line.split() for line in lines[2:5]] == [
        ["pool", "ready", "workers", "in/s", "out/s"] * 2,
        ["operator", "0", "1", "120", "7.5", "s270", "0", "1", "120", "7.5"],
        ["s200", "0", "1", "120", "7.5", "s280", "absent"],
    ]
    assert next(line for line in lines if "file-1" in line).endswith("casting 0/2  4.0 MiB/s  2 receivers")
    assert "; parked: 0" in lines[11]
    assert lines[-1].startswith("carol@globex  ")
    assert lines[-1].endswith("0 B/s  stalled 12 s")


def test_a_server_whose_broker_is_not_seen() -> None:
    """It says why, and still what it knows of its queues."""
    blind = answer(broker=None, trouble="the management API cannot be reached", spool=None)
    lines = draw(together([blind]), 150, 40)
    assert lines[1].endswith("but what is in its queues: the management API cannot be reached")
    assert lines[4].startswith("s200")
    assert lines[-1] == "nobody receives"
    assert "no transfer goes on" in lines


def test_a_broker_that_measures_nothing() -> None:
    """What is not known is not told as none: neither its memory nor what workers have taken."""
    blind = msgspec.structs.replace(BROKER, memory=0, memory_limit=0, disk_free=0, measured=False)
    overview = together([answer(broker=blind)])
    lines = draw(overview, 150, 40)
    assert lines[1] == (
        "main  RabbitMQ 4.1.0, memory, disk, taken and rates unknown: its management collects no figures"
    )
    assert lines[4].split()[:4] == ["s200", "0", "?", "1"]
    (server,) = overview_json(overview)["servers"]
    assert server["broker"]["memory"] is server["broker"]["disk_free"] is None
    assert (server["broker"]["measured"], server["queues"]["s200"]["unacknowledged"]) == (False, None)


def test_a_full_broker_is_told() -> None:
    """It is what everybody waits for then."""
    full = msgspec.structs.replace(BROKER, full="the broker's memory is full")
    assert "FULL: the broker's memory is full" in draw(together([answer(broker=full)]), 140, 40)[1]


def test_the_document_has_all_of_it() -> None:
    """The queues by what they are for."""
    document = json.loads(json.dumps(overview_json(busy())))
    (server,) = document["servers"]
    assert (server["server"], server["trouble"], server["broker"]["version"]) == ("main", None, "4.1.0")
    assert {name: one["ready"] for name, one in server["queues"].items()} == {
        "s200": 0,
        "s240": 37,
        "spool": 0,
        "progress": 0,
        "5s": 2,
        "parked": 1,
    }
    assert (document["counts"], document["open"]) == ({"casting": 1, "completed": 12}, 4)
    assert [one["counts"] for one in document["transfers"]] == [{"receiving": 2}]
    (slow,) = document["stragglers"]
    assert (slow["address"], slow["size"], slow["bytes"], slow["seconds_left"]) == (
        "r0@acme",
        1000,
        500,
        50.0,
    )
