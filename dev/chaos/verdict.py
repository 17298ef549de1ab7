"""From the last fault to the verdict."""

from dev.chaos import checks, telling
from dev.chaos.outcome import reports, unfinished, wait_until_none
from dev.chaos.record import Record
from dev.chaos.scene import Scene
from dev.chaos.wishes import EXPIRES_S

ENDS_WITHIN_S = EXPIRES_S[1] + 75.0
"""Seconds after the last fault: the longest expiry, the minute that the end may take, and some for a slow machine."""


def judge(scene: Scene, record: Record) -> list[str]:
    """Wait until all transfers have ended, tell how, and return what does not hold."""
    found = wait_until_none(lambda: unfinished(scene), scene.look, ENDS_WITHIN_S)
    documents = reports(scene)
    telling.tell(record, documents)
    return [*found, *checks.faults(scene, documents)]
