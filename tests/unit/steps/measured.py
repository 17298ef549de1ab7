"""Metrics as Prometheus would read them from this process."""

import math
from collections.abc import Callable

from prometheus_client import REGISTRY
from prometheus_client.samples import Sample


def value(name: str, **labels: str) -> float:
    """A series of this process; NaN if it is not there."""
    found = REGISTRY.get_sample_value(name, labels)
    return math.nan if found is None else found


def counting() -> Callable[..., float]:
    """A function that tells by how much a series (a name and its labels) has grown since now."""
    before = {(one.name, _key(one.labels)): one.value for one in _samples()}

    def more(name: str, **labels: str) -> float:
        now = {(one.name, _key(one.labels)): one.value for one in _samples()}
        return now.get((name, _key(labels)), 0) - before.get((name, _key(labels)), 0)

    return more


def _samples() -> list[Sample]:
    return [sample for family in REGISTRY.collect() for sample in family.samples]


def _key(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))
