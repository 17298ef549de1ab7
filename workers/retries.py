"""Trying a transfer again: who had accepted it and was cut off gets it under the consent already given."""

from typing import Any

from sqlalchemy import Row, and_, or_, select

from rollcast import policy
from rollcast.errors import Permanent
from rollcast.messages import TransferRequested
from rollcast.reasons import Code
from rollcast.states import FINAL_TRANSFER, ON_THE_LIST, OPEN_TRANSFER, UNDECIDED, WITHOUT_IT, Receiver
from workers.ledger import Ledger, roll, sent
from workers.ledger.tables import sent_receivers, sent_transfers


async def check(sender: str, request: TransferRequested, ledger: Ledger) -> Row[Any]:
    """The transfer that is tried again. `Permanent` unless it is this sender's, has ended, and had the same file."""
    query = select(sent_transfers).where(
        sent_transfers.c.transfer_id == request.retry_of, sent_transfers.c.sender == sender
    )
    former = await ledger.first(query)
    if former is None:
        raise _not_retryable(request, "it is no transfer of this sender")
    if former.state not in FINAL_TRANSFER:
        raise _not_retryable(request, f"it has not ended; it is {former.state}")
    if sent.request_of(former).file != request.file:
        # Under another name or type the same bytes are something else to whoever opens them.
        raise _not_retryable(
            request, "its receivers have accepted another file, or this one as something else"
        )
    if not await _was_good_enough(former, ledger):
        raise _not_retryable(request, "its list policy was not met, so nobody was to have it")
    return former


async def _was_good_enough(former: Row[Any], ledger: Ledger) -> bool:
    receivers = await roll.receivers(ledger, former.transfer_id, list(Receiver))
    listed = {row.address for row in receivers if row.listed_in is not None}
    return policy.parse(sent.request_of(former).list_policy, {row.address for row in receivers}).met(listed)


def first_of(former: Row[Any]) -> str:
    """The transfer that all its retries, and theirs, go back to."""
    return str(former.first_id or former.transfer_id)


async def still_to_get(request: TransferRequested, former: Row[Any], ledger: Ledger) -> list[str]:
    """Those recipients that were on the list of the former transfer, and neither have the file nor wait for it."""
    first = first_of(former)
    # Of two retries at the same time the later one sees the receivers of the other.
    await sent.lock(ledger, [first])
    served = await _served(request, first, ledger)
    query = select(sent_receivers.c.address).where(
        sent_receivers.c.transfer_id == request.retry_of,
        sent_receivers.c.address.in_(request.recipients),
        sent_receivers.c.listed_in.is_not(None),
        sent_receivers.c.state.in_(list(WITHOUT_IT)),
    )
    known = {row.address for row in await ledger.all(query)} - served
    return [address for address in request.recipients if address in known]


async def _served(request: TransferRequested, first: str, ledger: Ledger) -> set[str]:
    """Those recipients that another transfer of the family has delivered to, or is still at."""
    under_way = and_(
        sent_transfers.c.state.in_(list(OPEN_TRANSFER)),
        sent_receivers.c.state.in_(list(UNDECIDED | ON_THE_LIST)),
    )
    query = (
        select(sent_receivers.c.address)
        .join(sent_transfers, sent_transfers.c.transfer_id == sent_receivers.c.transfer_id)
        .where(
            or_(sent_transfers.c.transfer_id == first, sent_transfers.c.first_id == first),
            sent_transfers.c.transfer_id != request.transfer_id,
            sent_receivers.c.address.in_(request.recipients),
            or_(sent_receivers.c.state == Receiver.DELIVERED, under_way),
        )
    )
    return {row.address for row in await ledger.all(query)}


def nobody(transfer: Row[Any]) -> Permanent:
    """All recipients have the file, wait for it in another retry, or had not accepted it."""
    return _not_retryable(
        sent.request_of(transfer), "whoever had accepted it has the file, or waits for it in another retry"
    )


def _not_retryable(request: TransferRequested, why: str) -> Permanent:
    return Permanent(f"{request.retry_of} cannot be tried again: {why}", code=Code.NOT_RETRYABLE)
