"""The queues of a server by what they are for."""

from collections.abc import Mapping

from rollcast.messages import OverviewAnswered
from rollcast.messages.figures import QueueFigures
from rollcast.topology import POOLS

CONSUMED = tuple(pool for pool in POOLS if pool != "clock")
"""The pools that have a queue."""


def by_pool(server: OverviewAnswered) -> Mapping[str, QueueFigures]:
    """The queues by their pool; the retry rungs by their time, such as `5s`; `parked`."""
    return {_purpose(queue.name, server.server): queue for queue in server.queues}


def rungs(server: OverviewAnswered) -> Mapping[str, QueueFigures]:
    """The queues of the retry rungs, by their names."""
    found = by_pool(server).items()
    return {purpose: queue for purpose, queue in found if purpose not in {*CONSUMED, "parked"}}


def _purpose(name: str, server: str) -> str:
    _, kind, *rest = name.removesuffix(f".{server}").split(".")
    return rest[-1] if rest else kind
