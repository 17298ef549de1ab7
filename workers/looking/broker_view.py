"""What operators see of a server at a moment, as far as the broker knows."""

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from rollcast.errors import Permanent, Transient
from rollcast.messages import OverviewAnswered
from rollcast.messages.figures import BrokerFigures, QueueFigures
from rollcast.messages.values import MAX_TEXT
from workers.broker import own_queues
from workers.broker.declarer import Counts, Declarer
from workers.broker.management import Management
from workers.settings import Settings

WITHIN = 5.0
"""Seconds that the broker's management API may take; whoever looks, looks again."""
FRESH = 1.0
"""Seconds for which what was seen is told again."""

EFFECTIVE = "effective_policy_definition"
POLICIES = {"policy": "policies", "operator_policy": "operator-policies"}
"""The fields in which a queue names its policies, and where these are described."""

Queue = Mapping[str, Any]


class BrokerView:
    """Asks the broker itself what is in the queues, and its management API, whose figures are older, for the rest."""

    def __init__(self, settings: Settings, declarer: Declarer, management: Management) -> None:
        self._settings = settings
        self._declarer = declarer
        self._management = management
        self._looking = asyncio.Lock()
        self._looked_at = -math.inf
        self._seen: dict[str, Any] = {}

    async def complete(self, overview: OverviewAnswered) -> OverviewAnswered:
        """The overview with the queues and the broker; or with why the management API tells nothing of them.

        Whoever looks for several domains, or at the same time as others, is told the same.
        """
        async with self._looking:
            if time.monotonic() - self._looked_at > FRESH:
                self._seen = await self._look()
                self._looked_at = time.monotonic()
        return msgspec.structs.replace(overview, **self._seen)

    async def _look(self) -> dict[str, Any]:
        names = own_queues.names(self._settings)
        counts = await self._declarer.counts(names)
        described: Mapping[str, Queue] = {}
        broker, trouble = None, None
        try:
            async with asyncio.timeout(WITHIN):
                broker, described = await asyncio.gather(_broker(self._management), self.described())
        except (Transient, Permanent) as error:
            trouble = str(error)[:MAX_TEXT]
        except TimeoutError:
            trouble = f"the broker's management API has not answered within {WITHIN:.0f} s"
        queues = [_figures(name, counts[name], described.get(name, {})) for name in names if name in counts]
        return {"queues": queues, "broker": broker, "trouble": trouble}

    async def described(self) -> dict[str, Queue]:
        """The server's own queues by their names, those of an earlier version too, as the management API describes
        them."""
        server = self._settings.server
        own = rf"^rollcast\.((step2?|retry)\.{server}\.|(progress|spool|parked)\.{server}$)"
        columns = (
            *("name", "arguments", "policy", "operator_policy", EFFECTIVE, "state"),
            *("messages_unacknowledged", "message_stats"),
        )
        query = f"page=1&page_size=100&use_regex=true&name={quote(own, safe='')}&columns={','.join(columns)}"
        found = await self._management.call("GET", f"queues/{self._management.vhost}?{query}")
        return {queue["name"]: queue for queue in await self._with_policies(found["items"])}

    async def _with_policies(self, queues: Sequence[Queue]) -> list[Queue]:
        """A broker that collects no figures names a queue's policy, and before 4.3 does not say what it sets."""
        if all(EFFECTIVE in queue for queue in queues if set(POLICIES) & queue.keys()):
            return list(queues)
        found = {kind: await self._definitions(path) for kind, path in POLICIES.items()}
        return [{EFFECTIVE: _merged(queue, found), **queue} for queue in queues]

    async def _definitions(self, path: str) -> Mapping[str, Mapping[str, Any]]:
        policies = await self._management.call("GET", f"{path}/{self._management.vhost}")
        return {policy["name"]: policy["definition"] for policy in policies}


def _merged(queue: Queue, found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """What the policies of a queue set together; of two limits the lower one, as the broker does."""
    merged: dict[str, Any] = {}
    for kind, definitions in found.items():
        for name, value in definitions.get(queue.get(kind) or "", {}).items():
            both = isinstance(value, int) and name in merged
            merged[name] = min(merged[name], value) if both else value
    return merged


async def _broker(management: Management) -> BrokerFigures:
    nodes: Sequence[Mapping[str, Any]] = await management.call("GET", "nodes")
    return BrokerFigures(
        version=await management.version(),
        memory=_sum(nodes, "mem_used"),
        memory_limit=_sum(nodes, "mem_limit"),
        disk_free=_sum(nodes, "disk_free"),
        full=await management.fullness_of(nodes),
        measured=await management.collects(),
    )


def _sum(nodes: Sequence[Mapping[str, Any]], name: str) -> int:
    # What a node does not measure it tells in words, or not at all.
    return sum(value for node in nodes if isinstance(value := node.get(name), int))


def _figures(name: str, counts: Counts, queue: Queue) -> QueueFigures:
    return QueueFigures(
        name=name,
        ready=counts.ready,
        consumers=counts.consumers,
        unacknowledged=queue.get("messages_unacknowledged", 0),
        rate_in=_rate(queue, "publish"),
        rate_out=_rate(queue, "deliver_get"),
    )


def _rate(queue: Queue, what: str) -> float | None:
    # A queue that nothing went through has no statistics.
    rate = (queue.get("message_stats") or {}).get(f"{what}_details", {}).get("rate")
    return None if rate is None else max(0.0, float(rate))
