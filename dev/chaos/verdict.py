"""From the last fault to the verdict."""

from collections.abc import Iterator

from dev.chaos import checks, telling
from dev.chaos.leftovers import leftovers
from dev.chaos.memory import Figures, leaks, measure
from dev.chaos.outcome import reports, unfinished, wait_until_none
from dev.chaos.record import Record
from dev.chaos.rights import wrong_rights
from dev.chaos.rounds import round_to_all
from dev.chaos.scene import Scene
from dev.chaos.wishes import EXPIRES_S
from rollcast.cli.exits import Exit

ENDS_WITHIN_S = EXPIRES_S[1] + 75.0
"""Seconds after the last fault: the longest expiry, the minute that the end may take, and some for a slow machine."""
GONE_WITHIN_S = 90.0
"""Seconds after which nothing is left: session inboxes stay for a minute."""
MENDED_WITHIN_S = 60.0
"""Seconds after which rights are those of the ledger."""
LAST_ROUND = 900
"""The number of its first file."""
NO_BROKER = "no broker answers"
"""What a worker says last if it gives up at its start."""
CANCELLED = (Exit.DONE, Exit.INCOMPLETE, Exit.NO_BROKER)
"""Exit statuses of `rollcast cancel` that are none of its faults."""


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
        *wait_until_none(lambda: wrong_rights(scene), scene.look, MENDED_WITHIN_S),
        *_fallen(scene),
    ]


def _fallen(scene: Scene) -> Iterator[str]:
    """A process may give up when no broker answers for long, and for nothing else."""
    for kept in scene.kept:
        for fall in kept.fell:
            if fall.status != Exit.NO_BROKER and NO_BROKER not in fall.said:
                yield f"{kept.name} ended by itself with {fall.status}: {fall.said}"
    for program in scene.cancellings:
        if program.returncode not in CANCELLED:
            yield f"{program.log.name}: cancelling ended with {program.returncode}"
