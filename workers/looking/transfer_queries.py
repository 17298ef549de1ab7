"""Answers queries about transfers: a sender about its own, operators about those of their domain."""

from typing import Any

from sqlalchemy import Row, Select, select

from rollcast.messages import Query, TransferDescribed, TransfersListed
from rollcast.messages.values import MAX_RECEIVERS
from rollcast.reasons import Code
from workers.ledger import Ledger
from workers.ledger.tables import sent_transfers
from workers.looking import views
from workers.work import Outcome, Received, Reply, Services, refused

LISTING = 100
"""Transfers in one listing message."""
LAST_POSITION = 2**31 - 1
"""Databases refuse more in a column of this kind."""


async def answer_query(received: Received, message: Query, services: Services) -> Outcome:
    """Describe a transfer, or list the newest ones."""
    transfers = select(sent_transfers)
    if "@" in received.origin:
        transfers = transfers.where(sent_transfers.c.sender == received.origin)
    else:
        transfers = transfers.where(of_domain(received.domain))
    if message.transfer_id is None:
        return Reply(received, await _list(transfers, message, services.ledger))
    one = transfers.where(sent_transfers.c.transfer_id == message.transfer_id)
    found = await services.ledger.first(one)
    if found is None:
        return refused(received, Code.NO_SUCH_TRANSFER, f"no transfer {message.transfer_id} is known here")
    return Reply(received, await _describe(found, message, services.ledger))


def of_domain(domain: str) -> Any:
    """The condition that a transfer's sender is of this domain."""
    return sent_transfers.c.sender.like(f"%@{domain}")


async def _describe(transfer: Row[Any], query: Query, ledger: Ledger) -> TransferDescribed:
    (status,) = await views.statuses(ledger, [transfer])
    most = query.limit or MAX_RECEIVERS
    if query.order == "slowest":
        receivers, following = await views.slowest(ledger, transfer.transfer_id, most), None
    else:
        after = min(query.after, LAST_POSITION)
        receivers, following = await views.page(ledger, transfer.transfer_id, after, most)
    return TransferDescribed(transfer=status, receivers=receivers, next=following, at=ledger.now)


async def _list(transfers: Select[Any], query: Query, ledger: Ledger) -> TransfersListed:
    after, most = min(query.after, LAST_POSITION), min(query.limit or LISTING, LISTING)
    newest_first = transfers.order_by(sent_transfers.c.created_at.desc(), sent_transfers.c.transfer_id)
    rows = await ledger.all(newest_first.offset(after).limit(most + 1))
    listed = await views.statuses(ledger, rows[:most])
    return TransfersListed(transfers=listed, next=after + most if len(rows) > most else None, at=ledger.now)
