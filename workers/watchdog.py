"""The watchdog of lanes: a receiver that takes chunks and acknowledges none holds the broker's memory.

What a lane has given out does not count towards its limit, and from RabbitMQ 4.3 on classic queues have no
acknowledgement timeout. Such a lane is deleted, and the connections that consume it are closed. Its receiver stays
on the list: it gets a lane again when it registers again, or when the clock prompts.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import structlog

from rollcast.errors import Permanent, Transient
from rollcast.topology import LANE_BYTES, MiB
from workers import metrics
from workers.broker.management import Management
from workers.process.logs import Seldom

EVERY = 15.0
"""Seconds between two looks; what the broker tells is up to 5 s old."""
MUCH = 64 * MiB
"""Bytes unacknowledged above which a receiver is watched: four times what one of ours takes at a time."""
REASON = "it took chunks and acknowledged none, and its lane was deleted: set a prefetch, and register again"
"""What whoever is cut off is told by the broker."""
AT_A_TIME = 100
"""Lanes in one answer of the broker."""
COLUMNS = "name,message_bytes_unacknowledged,message_stats.ack"

log = structlog.get_logger()


class Patience(NamedTuple):
    """Seconds without an acknowledgement: for whoever holds much, and for whoever the broker has no room for."""

    usual: float
    short: float


PATIENCE = Patience(600.0, EVERY)
"""A slow disk, or a machine that sleeps for a moment, cuts nobody off. But who holds more than a whole lane may fill
the broker at the speed of the upload, and while the broker is full nobody can upload: then two looks must do."""


class Lane(NamedTuple):
    """A lane as the broker tells of it: bytes that are given out and not acknowledged, acknowledgements so far."""

    name: str
    held: int
    acks: int


class Standstill(NamedTuple):
    """Since when (seconds of a monotonic clock) a lane has had no more than so many acknowledgements."""

    since: float
    acks: int


class Watchdog:
    """Looks at the lanes of these domains. Any number of them may do it, each for itself.

    All is done by the management API: a broker that is full reads nothing from a connection that has published.

    What it has seen is in its memory only: when it starts again the time begins anew.
    """

    def __init__(self, domains: Sequence[str], management: Management, patience: Patience = PATIENCE) -> None:
        self._management = management
        self._patience = patience
        self._lanes = _lanes_of(domains)
        self._standing: Mapping[str, Standstill] = {}
        self._seldom = Seldom()

    async def run(self) -> None:
        """Look again and again until cancelled. Without a management API nothing can be seen."""
        while True:
            if self._management.configured:
                await self._try_to_look()
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Cut off whoever has held much for too long."""
        lanes = [lane async for lane in self._holding_much()]
        full = bool(lanes) and await self._management.fullness() is not None
        now = time.monotonic()
        self._standing = standstills(self._standing, lanes, now)
        for lane in lanes:
            still_for = now - self._standing[lane.name].since
            if still_for >= allowed(lane, full, self._patience):
                await self._cut_off(lane, still_for)

    async def _try_to_look(self) -> None:
        try:
            await self.look()
        except (Transient, Permanent) as error:
            if times := self._seldom.due(error.code):
                log.warning("the lanes cannot be watched", times=times, error=str(error))

    async def _holding_much(self) -> AsyncIterator[Lane]:
        """All lanes that have given out much; those that have given out most come first."""
        number, last = 1, False
        while not last:
            answer = await self._page(number)
            rows = [row for row in answer["items"] if row.get("message_bytes_unacknowledged", 0) > MUCH]
            for row in rows:
                yield _lane(row)
            last = len(rows) < AT_A_TIME or number >= answer["page_count"]
            number += 1

    async def _page(self, number: int) -> Any:
        words = (
            f"name={self._lanes}&use_regex=true&columns={COLUMNS}"
            f"&sort=message_bytes_unacknowledged&sort_reverse=true&page={number}&page_size={AT_A_TIME}"
        )
        return await self._management.call("GET", f"queues/{self._management.vhost}?{words}")

    async def _cut_off(self, lane: Lane, still_for: float) -> None:
        connections = await self._consuming(lane.name)
        # Deleted first, so that nothing goes back into it that they could take again.
        await self._management.delete_queue(lane.name)
        for connection in connections:
            await self._management.close_connection(connection, REASON)
        metrics.LANES_CUT_OFF.inc()
        log.warning(
            "cut a receiver off: it took chunks and acknowledged none",
            lane=lane.name,
            unacknowledged_mib=lane.held // MiB,
            still_for_s=round(still_for),
            connections=connections,
            hint="It may go on when it registers again. If it does this again and again, suspend its account.",
        )

    async def _consuming(self, name: str) -> Sequence[str]:
        path = f"queues/{self._management.vhost}/{quote(name, safe='')}?columns=consumer_details"
        answer = await self._management.call("GET", path, missing_is_fine=True) or {}
        # Those of a channel that has just gone are empty.
        details = (row["channel_details"] for row in answer.get("consumer_details", ()))
        return sorted({row["connection_name"] for row in details if row})


def standstills(
    before: Mapping[str, Standstill], lanes: Iterable[Lane], now: float
) -> Mapping[str, Standstill]:
    """Since when each of these lanes stands still. Any acknowledgement begins its time anew."""
    kept = ((lane, before.get(lane.name)) for lane in lanes)
    return {
        lane.name: old if old is not None and old.acks == lane.acks else Standstill(now, lane.acks)
        for lane, old in kept
    }


def allowed(lane: Lane, full: bool, patience: Patience) -> float:
    """For how many seconds a lane that holds much may stand still; `full`: the broker has no room for more."""
    return patience.short if full or lane.held > LANE_BYTES else patience.usual


def _lane(row: Mapping[str, Any]) -> Lane:
    # Before the first acknowledgement nothing is counted.
    acks = row.get("message_stats", {}).get("ack", 0)
    return Lane(row["name"], row["message_bytes_unacknowledged"], acks)


def _lanes_of(domains: Iterable[str]) -> str:
    """The names of the lanes of these domains, as a pattern in a URL."""
    ours = "|".join(map(re.escape, domains))
    return quote(rf"^rollcast\.lane\.[^@]+@({ours})\.", safe="")
