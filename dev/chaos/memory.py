"""How much memory workers and receivers have, and whether that grew."""

from collections.abc import Mapping

from dev.chaos.scene import Scene
from dev.processes import resident

MAY_GROW_MIB = 128.0
"""From the first round to the last, since a process keeps what it has freed: four batches at a time of each of
S290 and S300 have 8 chunks on their way, each of them as a body and in frames. Runs of three minutes: 30."""

Figures = Mapping[str, float]
"""MiB resident, by the process's name."""


def measure(scene: Scene) -> Figures:
    """What each process has now."""
    return {kept.name: resident(kept.program.pid) for kept in (*scene.workers, *scene.receivers)}


def leaks(before: Figures, after: Figures) -> list[str]:
    """Who has much more than before, a sentence each."""
    return [
        f"{name} grew from {before[name]:.0f} to {after[name]:.0f} MiB"
        for name in after
        if after[name] > before[name] + MAY_GROW_MIB
    ]
