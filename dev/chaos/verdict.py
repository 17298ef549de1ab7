"""From the last fault to the verdict."""

from dev.chaos import checks, telling
from dev.chaos.leftovers import leftovers
from dev.chaos.memory import Figures, leaks, measure
from dev.chaos.outcome import reports, unfinished, wait_until_none
from dev.chaos.record import Record
from dev.chaos.rounds import round_to_all
from dev.chaos.scene import Scene
from dev.chaos.wishes import EXPIRES_S

ENDS_WITHIN_S = EXPIRES_S[1] + 75.0
"""Seconds after the last fault: the longest expiry, the minute that the end may take, and some for a slow machine."""
GONE_WITHIN_S = 90.0
"""Seconds after which nothing is left: session inboxes stay for a minute."""
LAST_ROUND = 900
"""The number of its first file."""


def judge(scene: Scene, record: Record, before: Figures) -> list[str]:
    """Wait until all transfers have ended, tell how, and return what does not hold."""
    found = wait_until_none(lambda: unfinished(scene), scene.look, ENDS_WITHIN_S)
    documents = reports(scene)
    telling.tell(record, documents)
    found += checks.faults(scene, documents)
    found += round_to_all(scene, LAST_ROUND)
    after = measure(scene)
    telling.tell_memory(before, after)
    return [
        *found,
        *leaks(before, after),
        *wait_until_none(lambda: leftovers(scene), scene.look, GONE_WITHIN_S),
        *_fallen(scene),
    ]


def _fallen(scene: Scene) -> list[str]:
    """Workers never end by themselves; terminals may, without a broker."""
    return [f"{worker.name} ended by itself with {worker.fell}" for worker in scene.workers if worker.fell]
