"""A round of transfers without faults, before and after the others: what it needs is known, and all must get it."""

import time

from dev.chaos.scene import Scene
from dev.chaos.wishes import ACCEPTING, SENDERS, Wish
from dev.processes import Failed
from rollcast.cli.exits import Exit
from rollcast.topology import MiB

SIZE = 16 * MiB
WITHIN_S = 120.0
EVERY_S = 0.1
OPTIONS = ("--consent-timeout", "60s", "--expires", f"{WITHIN_S:.0f}s")


def round_to_all(scene: Scene, number: int) -> None:
    """Each sender's file, numbered from `number` on, reaches all who accept. Raises Failed if it does not."""
    sendings = [
        scene.send(Wish(number + at, 0.0, sender, ACCEPTING, SIZE, OPTIONS, None))
        for at, sender in enumerate(SENDERS)
    ]
    deadline = time.monotonic() + WITHIN_S
    while not all(sending.ended for sending in sendings) and time.monotonic() < deadline:
        scene.look()
        time.sleep(EVERY_S)
    for sending in sendings:
        if sending.program.returncode != Exit.DONE:
            raise Failed(f"without faults {sending.name} did not reach everybody:\n{sending.program.tail()}")
