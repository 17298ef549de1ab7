"""S310: receipts come in, transfers end, whoever waits gets the report, and both servers clean up."""

from collections.abc import Sequence

from rollcast.messages import (
    CancelRequested,
    CloseDue,
    ClosingConfirmed,
    ReceiptReported,
    ReceiversFinished,
    TransferClosed,
)
from workers.ending import closing, finishing, receipts
from workers.ledger import sent
from workers.work import Outcome, Received, Services

AT_THE_SENDERS = ReceiversFinished | CancelRequested | CloseDue | ClosingConfirmed
"""What S310 hears as the sender's server."""


async def report(batch: Sequence[Received], services: Services) -> list[Outcome]:
    """What each message brings nearer to the end."""
    outcomes: list[Outcome] = []
    ledger = services.ledger
    # An ending gives room back: whoever has locked that must not wait for another transfer.
    await sent.lock(ledger, [r.message.transfer_id for r in batch if isinstance(r.message, AT_THE_SENDERS)])
    for received in batch:
        match received.message:
            case ReceiptReported():
                outcomes += await receipts.record(received, received.message, ledger)
            case TransferClosed():
                outcomes += await receipts.close(received.message, received.domain, ledger)
            case ReceiversFinished():
                outcomes += await finishing.finish(received.message, ledger)
            case CancelRequested():
                outcomes += await closing.cancel(received.origin, received.message, ledger)
            case CloseDue(transfer_id=transfer_id):
                outcomes += await closing.see_whether_ended(transfer_id, ledger)
            case ClosingConfirmed():
                outcomes += await closing.confirm(received.message, ledger)
    return outcomes
