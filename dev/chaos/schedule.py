"""Which fault comes when: a pure function of the seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

PAUSE = (0.4, 1.8)
LASTS = (0.5, 6.0)
"""Seconds between two faults; seconds that one lasts, if it is one that lasts."""


@dataclass(frozen=True)
class Planned:
    """A fault that comes `at` so many seconds after the start. `seed` picks its victim among those there are."""

    at: float
    kind: str
    lasts: float
    seed: int


def plan(seed: int, seconds: float, weights: Mapping[str, int]) -> list[Planned]:
    """The faults of a run in the order of time; each kind comes as often as it weighs before one comes again."""
    rng = Random(f"faults {seed}")
    every = [kind for kind, weight in sorted(weights.items()) for _ in range(weight)]
    planned, bag, at = list[Planned](), list[str](), 0.0
    while (at := at + rng.uniform(*PAUSE)) < seconds:
        bag = bag or rng.sample(every, len(every))
        planned.append(Planned(at, bag.pop(), rng.uniform(*LASTS), rng.getrandbits(32)))
    return planned
