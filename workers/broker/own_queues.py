"""The queues that are a server's own: those of its pools, of the ladder, and of what is parked."""

from rollcast.topology import (
    OPERATOR,
    STEPS,
    QueueSpec,
    earlier_step_queue,
    parked,
    progress_queue,
    spool_queue,
    step_queue,
)
from workers.ladder import rung_queues
from workers.settings import Settings


def of_pools(settings: Settings) -> dict[str, QueueSpec]:
    """The queue of each pool that has one."""
    server, domains = settings.server, settings.domains
    steps = {step: step_queue(server, step, domains) for step in STEPS}
    return {**steps, "spool": spool_queue(server), "progress": progress_queue(server, domains)}


def of_an_earlier_version(settings: Settings) -> list[QueueSpec]:
    """The queues that steps had before, for as long as they are there."""
    return [earlier_step_queue(settings.server, step, settings.domains) for step in STEPS if step != OPERATOR]


def of_nobody(settings: Settings) -> list[QueueSpec]:
    """The queues in which messages wait, and which nobody consumes."""
    return [*rung_queues(settings.server), parked(settings.server)]


def names(settings: Settings) -> list[str]:
    """The names of all of them."""
    return [spec.name for spec in (*of_pools(settings).values(), *of_nobody(settings))]
