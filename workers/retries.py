"""Trying a transfer again: who had accepted it and was cut off gets it under the consent already given."""

from typing import Any

from sqlalchemy import Row, select

from rollcast.errors import Permanent
from rollcast.messages import TransferRequested
from rollcast.reasons import Code
from rollcast.states import FINAL_TRANSFER, WITHOUT_IT
from workers.ledger import Ledger, sent
from workers.ledger.tables import sent_receivers, sent_transfers


async def check(sender: str, request: TransferRequested, ledger: Ledger) -> None:
    """Raises `Permanent` unless the request goes on with an ended transfer of this sender, with the same file."""
    query = select(sent_transfers).where(
        sent_transfers.c.transfer_id == request.retry_of, sent_transfers.c.sender == sender
    )
    former = await ledger.first(query)
    if former is None:
        raise _not_retryable(request, "it is no transfer of this sender")
    if former.state not in FINAL_TRANSFER:
        raise _not_retryable(request, f"it has not ended; it is {former.state}")
    if _bytes(sent.request_of(former)) != _bytes(request):
        raise _not_retryable(request, "its receivers have accepted another file")


async def still_to_get(request: TransferRequested, ledger: Ledger) -> list[str]:
    """Those recipients that were on the list of the former transfer, and do not have the file."""
    query = select(sent_receivers.c.address).where(
        sent_receivers.c.transfer_id == request.retry_of,
        sent_receivers.c.address.in_(request.recipients),
        sent_receivers.c.listed_in.is_not(None),
        sent_receivers.c.state.in_(list(WITHOUT_IT)),
    )
    known = {row.address for row in await ledger.all(query)}
    return [address for address in request.recipients if address in known]


def nobody(transfer: Row[Any]) -> Permanent:
    """All recipients have the file, or had not accepted it."""
    return _not_retryable(sent.request_of(transfer), "nobody who had accepted it lacks the file")


def _bytes(request: TransferRequested) -> tuple[int, str]:
    return request.file.size, request.file.hash.blake3


def _not_retryable(request: TransferRequested, why: str) -> Permanent:
    return Permanent(f"{request.retry_of} cannot be tried again: {why}", code=Code.NOT_RETRYABLE)
