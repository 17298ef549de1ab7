"""Series that are there from the start, with nothing counted: a rate has to see the first one come."""

from itertools import product

from rollcast.chunks import Drop
from rollcast.reasons import Code
from rollcast.states import FINAL_TRANSFER, Receiver
from rollcast.topology import OPERATOR, STEPS
from workers import metrics
from workers.ladder import RUNGS
from workers.spool.chunk_checks import ENDED, FAULT, UNKNOWN_TRANSFER

OUTCOMES = ("done", "retried", "parked", "given_back", "dropped", "turned_away", "discarded")
FOUND = ("deep", "shallow")


def begin(pool: str) -> None:
    """Those of a pool that a process runs."""
    metrics.REDELIVERED.labels(step=pool)
    for step in (*STEPS, "progress"):
        metrics.UNROUTABLE.labels(step=step)
    if pool in STEPS:
        _begin_step(pool)
    if pool == OPERATOR:
        for step, action in product((*STEPS, "unknown"), ("replay", "drop")):
            metrics.UNPARKED.labels(step=step, action=action)
        for what in ("topic permission", "permission", "limit"):
            metrics.RIGHTS_MENDED.labels(what=what)
    if pool == "spool":
        for reason in (*Drop, UNKNOWN_TRANSFER, ENDED, FAULT):
            metrics.CHUNKS_REFUSED.labels(reason=reason)
    if pool == "s290":
        for found in FOUND:
            metrics.LANES_MEASURED.labels(found=found)
    if pool == "s310":
        _begin_ends()


def _begin_step(step: str) -> None:
    metrics.IN_FLIGHT.labels(step=step)
    metrics.HANDLING.labels(step=step)
    for outcome in OUTCOMES:
        metrics.HANDLED.labels(step=step, outcome=outcome)
    metrics.DISCARDED.labels(step=step, reason=Code.INVALID_MESSAGE)
    for rung, _ in RUNGS:
        metrics.RETRIED.labels(step=step, rung=rung)


def _begin_ends() -> None:
    for state in FINAL_TRANSFER:
        metrics.TRANSFERS_ENDED.labels(state=state)
        metrics.DELIVERY.labels(state=state)
    for receiver in Receiver:
        metrics.RECEIVERS_ENDED.labels(state=receiver)
