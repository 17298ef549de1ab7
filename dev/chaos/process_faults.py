"""Processes are killed, or stand still with their connections open."""

from collections.abc import Callable, Iterable
from random import Random

from dev.chaos.damage import Damage, Fault, one_of
from dev.chaos.kept import Kept
from dev.chaos.scene import Scene

Choose = Callable[[Scene], Iterable[Kept]]


def kill(choose: Choose) -> Fault:
    """The fault that kills one of them; it comes back when the fault is over."""

    def fault(scene: Scene, rng: Random) -> Damage:
        victim = _one_of(rng, choose(scene))
        victim.kill()
        return Damage(victim.name, victim.start)

    return fault


def stop(choose: Choose) -> Fault:
    """The fault that makes one of them stand still for a while."""

    def fault(scene: Scene, rng: Random) -> Damage:
        victim = _one_of(rng, choose(scene))
        victim.stand_still()
        return Damage(victim.name, victim.go_on)

    return fault


def _one_of(rng: Random, candidates: Iterable[Kept]) -> Kept:
    running = sorted((kept for kept in candidates if kept.runs), key=lambda kept: kept.name)
    return one_of(rng, running, "process of that kind")
