"""What servers do at a moment, for people: pools and queues, transfers under way, stragglers."""

from collections.abc import Mapping

from rollcast.cli.listing_text import standing
from rollcast.cli.queue_names import CONSUMED, by_pool, rungs
from rollcast.cli.receiver_table import left_text
from rollcast.cli.tables import cut, fitted
from rollcast.cli.texts import rate_text, share_text, span_text, time_text, visible
from rollcast.cli.waiting import SECOND, waits_for
from rollcast.messages import OverviewAnswered
from rollcast.messages.figures import QueueFigures, Straggler
from rollcast.messages.values import TransferStatus
from rollcast.overview import Overview, is_measured
from rollcast.sizes import size_text
from rollcast.states import Transfer

POOL_HEAD = ("pool", "ready", "taken", "workers", "in/s", "out/s")
TRANSFER_HEAD = ("transfer", "age", "file", "size", "state", "rate", "waits for")
STRAGGLER_HEAD = ("straggler", "transfer", "stored", "", "rate", "left")
UNMEASURED = "memory, disk, taken and rates unknown: its management collects no figures"
HALF = (len(CONSUMED) + 1) // 2
"""The pools stand in two columns, side by side."""


def draw(overview: Overview, columns: int | None, rows: int | None) -> list[str]:
    """All of it, or as much as fits: of transfers and stragglers, which share what the pools leave."""
    above = [
        f"rollcast top  {time_text(overview.at)}",
        *(line for server in overview.servers for line in _server(server, columns)),
        _counts(overview),
    ]
    transfers, stragglers = _shares(overview, None if rows is None else rows - len(above) - 4)
    lines = [
        *above,
        "",
        *_transfers(overview, columns, transfers),
        "",
        *_stragglers(overview, columns, stragglers),
    ]
    return [cut(visible(line), columns) for line in (lines if rows is None else lines[:rows])]


def _shares(overview: Overview, room: int | None) -> tuple[int, int]:
    """How many transfers and how many stragglers are shown: half of the rows each, and what the other leaves."""
    transfers, stragglers = len(overview.transfers), len(overview.stragglers)
    if room is None:
        return transfers, stragglers
    half = max(1, room // 2)
    shown = min(transfers, max(half, room - stragglers))
    return shown, min(stragglers, max(1, room - shown))


def _server(server: OverviewAnswered, columns: int | None) -> list[str]:
    return [
        f"{server.server}  {_broker(server)}",
        *_pools(by_pool(server), columns, measured=is_measured(server)),
        f"{_spool(server)}{_kept(server)}",
    ]


def _broker(server: OverviewAnswered) -> str:
    broker = server.broker
    if broker is None:
        return f"nothing is known of the broker but what is in its queues: {server.trouble}"
    full = f"FULL: {broker.full}, " if broker.full else ""
    if not broker.measured:
        return f"RabbitMQ {broker.version}, {full}{UNMEASURED}"
    memory = f"memory {size_text(broker.memory)} of {size_text(broker.memory_limit)}"
    return f"RabbitMQ {broker.version}, {full}{memory}, disk {size_text(broker.disk_free)} free"


def _spool(server: OverviewAnswered) -> str:
    if server.spool is None:
        return ""
    return f"spool {size_text(server.spool.reserved)} of {size_text(server.spool.quota)}; "


def _pools(queues: Mapping[str, QueueFigures], columns: int | None, *, measured: bool) -> list[str]:
    rows = [_pool(pool, queues.get(pool), measured=measured) for pool in CONSUMED]
    rows += [("",) * len(POOL_HEAD)] * (2 * HALF - len(rows))
    beside = [(*left, "", *right) for left, right in zip(rows[:HALF], rows[HALF:], strict=True)]
    numbers = (*range(1, 6), *range(8, 13))
    return fitted((*POOL_HEAD, "", *POOL_HEAD), beside, width=columns, right=numbers, spare=([2, 9],))


def _pool(pool: str, queue: QueueFigures | None, *, measured: bool) -> tuple[str, ...]:
    if queue is None:
        return pool, "absent", "", "", "", ""
    return (
        pool,
        str(queue.ready),
        str(queue.unacknowledged) if measured else "?",
        str(queue.consumers or "NONE"),
        _per_second(queue.rate_in),
        _per_second(queue.rate_out),
    )


def _per_second(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.1f}" if rate < 100 else f"{rate:.0f}"


def _kept(server: OverviewAnswered) -> str:
    waiting = ", ".join(f"{name} {queue.ready}" for name, queue in rungs(server).items() if queue.ready)
    parked = by_pool(server).get("parked")
    number = parked.ready if parked else 0
    return f"to be tried again: {waiting or 'none'}; parked: {number}" + (
        ", see `rollcast parked list`" if number else ""
    )


def _counts(overview: Overview) -> str:
    told = [f"{overview.counts[state]} {state}" for state in Transfer if overview.counts[state]]
    return f"transfers (ended ones of a day): {', '.join(told) or 'none'}"


def _transfers(overview: Overview, columns: int | None, most: int) -> list[str]:
    if not overview.transfers:
        return ["no transfer goes on"]
    rows = [_transfer(transfer, overview.at) for transfer in overview.transfers[:most]]
    table = fitted(TRANSFER_HEAD, rows, width=columns, flexible=(2, 6), right=(1, 3, 5), spare=([3], [1]))
    left = overview.open - len(rows)
    return [*table, f"and {left} that began before"] if left else table


def _transfer(transfer: TransferStatus, now: int) -> tuple[str, ...]:
    return (
        transfer.transfer_id,
        span_text((now - transfer.created_at) / SECOND),
        transfer.file.name,
        size_text(transfer.file.size),
        standing(transfer),
        rate_text(transfer.rate),
        waits_for(transfer, now),
    )


def _stragglers(overview: Overview, columns: int | None, most: int) -> list[str]:
    if not overview.stragglers:
        return ["nobody receives"]
    rows = [_straggler(straggler, overview.at) for straggler in overview.stragglers[:most]]
    return fitted(STRAGGLER_HEAD, rows, width=columns, flexible=(0,), right=(2, 3, 4, 5), spare=([2], [4]))


def _straggler(straggler: Straggler, now: int) -> tuple[str, ...]:
    receiver = straggler.receiver
    return (
        receiver.address,
        straggler.transfer_id,
        size_text(receiver.bytes),
        share_text(receiver.bytes, straggler.size),
        rate_text(receiver.rate),
        left_text(receiver, straggler.size, now) or ("nothing yet" if receiver.moved_at is None else ""),
    )
