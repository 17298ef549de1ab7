"""Prints how transfers stand: what `rollcast status` and `rollcast list` do."""

import time
from functools import partial

from rollcast.cli import access, output, screen, status_picture
from rollcast.cli.exits import Exit, status_of_report
from rollcast.cli.listing_text import listing_lines
from rollcast.cli.report_text import print_report
from rollcast.operator import Operator
from rollcast.report import listing_json
from rollcast.sender import Sender
from rollcast.states import FINAL_TRANSFER

LOOK_EVERY = 1.0
"""Seconds."""


async def status(transfer_id: str, address: str | None, *, json: bool) -> int:
    """Print how a transfer stands; on a terminal draw it until its end. Returns the exit status."""
    async with access.asking(address) as who:
        if screen.drawable() and not json:
            await screen.watch(lambda rows: _seen(who, transfer_id, rows), every=LOOK_EVERY, whole=False)
        report = await who.status(transfer_id)
    print_report(report, json=json)
    return status_of_report(report)


async def _seen(who: Sender | Operator, transfer_id: str, rows: int) -> screen.Drawn | None:
    glance = await who.glance(transfer_id, rows)
    if glance.transfer.state in FINAL_TRANSFER:
        return None
    return partial(status_picture.draw, glance)


async def list_transfers(address: str | None, limit: int, *, json: bool) -> int:
    """Print the newest transfers. Returns the exit status."""
    async with access.asking(address) as who:
        # One more tells whether there are more.
        found = await (who.list(limit + 1) if isinstance(who, Sender) else who.transfers(limit + 1))
    transfers, more = found[:limit], len(found) > limit
    if json:
        output.emit_document({"transfers": [listing_json(transfer) for transfer in transfers], "more": more})
        return Exit.DONE
    output.emit(*listing_lines(transfers, time.time_ns() // 1000, screen.width()))
    if more:
        output.say(f"There are older ones; these are the newest {limit}. See --limit.")
    return Exit.DONE
