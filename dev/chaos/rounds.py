"""A round of transfers without faults, before and after the others: what it needs is known, and all must get it."""

import time

from dev.chaos.scene import Scene
from dev.chaos.wishes import ACCEPTING, SENDERS, Wish
from rollcast.cli.exits import Exit
from rollcast.topology import MiB

SIZE = 8 * MiB
WITHIN_S = 120.0
EVERY_S = 0.1
OPTIONS = ("--consent-timeout", "60s", "--expires", f"{WITHIN_S:.0f}s")


def round_to_all(scene: Scene, number: int) -> list[str]:
    """Send a file each way, numbered from `number` on, to all who accept. Returns who did not reach them all."""
    sendings = [
        scene.send(Wish(number + at, 0.0, sender, ACCEPTING, SIZE, OPTIONS, None))
        for at, sender in enumerate(SENDERS)
    ]
    deadline = time.monotonic() + WITHIN_S
    while not all(sending.ended for sending in sendings) and time.monotonic() < deadline:
        scene.look()
        time.sleep(EVERY_S)
    return [
        f"without any fault {sending.name} did not reach everybody: see {sending.program.log.name}"
        for sending in sendings
        if sending.program.returncode != Exit.DONE
    ]
