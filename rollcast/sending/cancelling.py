"""Taking a transfer back: asked for until it is seen to have ended."""

import asyncio
import time

from rollcast.backoff import backoff
from rollcast.errors import BrokerUnavailable, RequestRefused
from rollcast.messages import CancelRequested, Query, TransferDescribed
from rollcast.queries import ANSWERED_WITHIN, complete
from rollcast.reasons import Code
from rollcast.report import Report
from rollcast.session import Session
from rollcast.states import FINAL_TRANSFER

ENDS_WITHIN = 120.0
"""Seconds for a transfer to end; the server waits half as long for its receivers."""
FIRST_LOOK, LONGEST_LOOK = 0.1, 2.0
"""Seconds between two looks at the transfer, at first and at the most."""
SAID_AGAIN_AFTER = 5.0


async def cancel(session: Session, transfer_id: str, *, expected: bool) -> Report:
    """The report of the transfer, once it has ended: cancelled, or otherwise if that came first.

    Raises `RequestRefused` if the sender has no such transfer, `BrokerUnavailable` if it does not end in time.
    With `expected` its request is under way, and one that the server does not know yet is waited for.
    """
    try:
        async with asyncio.timeout(ENDS_WITHIN):
            return await _cancel(session, transfer_id, expected)
    except TimeoutError as error:
        raise BrokerUnavailable(
            f"transfer {transfer_id} was not seen to end within {ENDS_WITHIN:.0f} s",
            code="server_silent",
            hint="Ask for its status later.",
        ) from error


async def _cancel(session: Session, transfer_id: str, expected: bool) -> Report:
    said_at = -SAID_AGAIN_AFTER
    looks = backoff(FIRST_LOOK, LONGEST_LOOK)
    while True:
        # A server that knows no such transfer takes a cancellation for an attack, so it is asked first.
        page = await _look(session, transfer_id, expected)
        if page is not None and page.transfer.state in FINAL_TRANSFER:
            return await complete(session.ask, page)
        if page is not None and time.monotonic() - said_at >= SAID_AGAIN_AFTER:
            await session.tell(CancelRequested(transfer_id=transfer_id))
            said_at = time.monotonic()
        await asyncio.sleep(next(looks))


async def _look(session: Session, transfer_id: str, expected: bool) -> TransferDescribed | None:
    try:
        return await session.ask(Query(transfer_id=transfer_id), TransferDescribed, ANSWERED_WITHIN)
    except RequestRefused as error:
        if not expected or error.code != Code.NO_SUCH_TRANSFER:
            raise
        return None
