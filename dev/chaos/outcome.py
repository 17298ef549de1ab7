"""How all transfers of a scene stand, by their servers' reports."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from dev.chaos.scene import Scene
from dev.processes import Failed
from rollcast import Operator
from rollcast.errors import RollcastError
from rollcast.states import OPEN_TRANSFER

Document = dict[str, Any]
EVERY_S = 1.0


def reports(scene: Scene) -> list[Document]:
    """The documents of `rollcast status --json`, of all transfers. Raises Failed if no server answers."""
    return asyncio.run(_reports(scene))


async def _reports(scene: Scene) -> list[Document]:
    try:
        async with Operator.connect(scene.running.operator_url, scene.running.domains) as operator:
            transfers = await operator.transfers()
            return [(await operator.status(each.transfer_id)).to_json() for each in transfers]
    except RollcastError as error:
        raise Failed(f"no servers answers a query: {error}") from error


def unfinished(scene: Scene) -> list[str]:
    """Senders that still have something to do, and transfers that are not final."""
    found = [f"{sending.name} is still being sent" for sending in scene.sendings if not sending.ended]
    return found or [
        f"{document['transfer_id']} ({document['file']['name']}) is {document['state']}"
        for document in reports(scene)
        if document["state"] in OPEN_TRANSFER
    ]


def wait_until_none(
    faults: Callable[[], list[str]], meanwhile: Callable[[], None], seconds: float
) -> list[str]:
    """Ask for faults until there are none, or the time is over; returns those that stay."""
    deadline = time.monotonic() + seconds
    while True:
        meanwhile()
        found = faults()
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(EVERY_S)
