"""What a fault leaves: whom it hit, and how it is undone."""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple, TypeVar

from dev.chaos.scene import Scene

T = TypeVar("T")


class Impossible(Exception):
    """The fault cannot be made now: nobody to hit, or the broker does not answer."""


class Damage(NamedTuple):
    """Whom or what a fault hit; `undo` ends it, None if it is over at once."""

    victim: str
    undo: Callable[[], None] | None = None


Fault = Callable[[Scene, Random], Damage]


def one_of(rng: Random, candidates: Sequence[T], what: str) -> T:
    """One of them. Raises Impossible if there is none."""
    if not candidates:
        raise Impossible(f"no {what} now")
    return rng.choice(candidates)
