"""The queues and exchanges that are on the broker now."""

from collections import defaultdict
from collections.abc import Sequence
from random import Random

from dev import management
from dev.broker import Broker
from dev.chaos.damage import Impossible, one_of

OURS = "rollcast."


def queues(broker: Broker) -> list[str]:
    """All queues of servers and terminals, by name."""
    return _names(broker, "queues")


def exchanges(broker: Broker) -> list[str]:
    """All exchanges of servers, by name."""
    return _names(broker, "exchanges")


def delete_all(broker: Broker) -> None:
    """Leave none of them."""
    for what in ("queues", "exchanges"):
        for name in _names(broker, what):
            management.delete(broker.management_url, broker.path(what, name))


def any_of(rng: Random, names: Sequence[str]) -> str:
    """One of them; all sorts are equally likely, not all names. Raises Impossible."""
    sorts = defaultdict(list)
    for name in names:
        sorts[name.split(".")[1]].append(name)
    return one_of(rng, sorts[one_of(rng, sorted(sorts), "queue or exchange")], "name")


def _names(broker: Broker, what: str) -> list[str]:
    try:
        rows = management.call(broker.management_url, "GET", f"{broker.path(what)}?columns=name")
    except OSError as error:
        raise Impossible(f"the broker's management does not answer: {error}") from error
    return sorted(row["name"] for row in rows if row["name"].startswith(OURS))
