"""A receiver's disk is full."""

from random import Random

from dev.chaos.damage import Damage, Impossible
from dev.chaos.scene import Scene


def fill(scene: Scene, rng: Random) -> Damage:
    """Leave no room on the small disk; when the fault is over there is some again."""
    if scene.disk is None:
        raise Impossible("only root may mount a small disk")
    scene.disk.fill()
    return Damage(str(scene.disk.folder), scene.disk.free)
