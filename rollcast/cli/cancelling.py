"""Takes a transfer back, and tells for whom it waits: what `rollcast cancel` does."""

import asyncio
from contextlib import suppress

from rollcast.cli import access, output
from rollcast.cli.exits import status_of_cancelling
from rollcast.cli.report_text import print_report
from rollcast.cli.waiting import number
from rollcast.errors import RollcastError
from rollcast.messages.values import MAX_RECEIVERS
from rollcast.queries import Glance
from rollcast.sender import Sender
from rollcast.states import ON_THE_LIST

NOTED = 3.0
"""Seconds after which it is said for whom it waits."""
NAMED = 5
"""The most receivers that are named."""


async def cancel(transfer_id: str, address: str | None, *, json: bool) -> int:
    """Take a transfer back and print how it ended. Returns the exit status."""
    async with access.sending(access.sender_of(transfer_id, address)) as sender:
        output.say(f"cancelling transfer {transfer_id}")
        telling = asyncio.create_task(_tell_for_whom(sender, transfer_id))
        try:
            report = await sender.cancel(transfer_id)
        finally:
            telling.cancel()
    print_report(report, json=json)
    return status_of_cancelling(report)


async def _tell_for_whom(sender: Sender, transfer_id: str) -> None:
    await asyncio.sleep(NOTED)
    # Whoever cancels asks the same server, and tells of it.
    with suppress(RollcastError):
        if line := waits_for(await sender.glance(transfer_id, MAX_RECEIVERS)):
            output.say(line)


def waits_for(glance: Glance) -> str:
    """Who has not confirmed yet; nothing if that is nobody."""
    waiting = number(glance.transfer, *ON_THE_LIST)
    names = [receiver.address for receiver in glance.receivers if receiver.state in ON_THE_LIST][:NAMED]
    more = [f"{waiting - len(names)} more"] if waiting > len(names) else []
    who = " and ".join(filter(None, (", ".join(names), *more)))
    return f"waiting for {who} to confirm that, for a minute at the most" if who else ""
