"""S200: a terminal says who and where it is and what it can take; what waits for it is sent again.

Queries, and operators' requests about accounts and parked messages, are answered here too.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select

from rollcast.addresses import domain_of
from rollcast.messages import (
    AccountRequested,
    ConsentAsked,
    LanesDue,
    ParkedRequested,
    Query,
    Register,
    Registered,
    TransfersListed,
)
from rollcast.messages.values import MAX_RECEIVERS
from rollcast.reasons import Code
from rollcast.states import UNDECIDED, Receiver
from rollcast.topology import inbox, session_inbox
from workers import reports
from workers.account_requests import answer_account_request
from workers.ledger import accounts, invited
from workers.ledger.tables import sent_transfers
from workers.work import (
    OpenInboxes,
    Outcome,
    Received,
    Reply,
    SeeParked,
    Services,
    ToInboxes,
    ToStep,
    refused,
)

LAST_POSITION = 2**31 - 1
"""Databases refuse more in a column of this kind."""


async def register(batch: Sequence[Received], services: Services) -> list[Outcome]:
    """Answer registrations, queries and operators' requests, each directly to whoever asks."""
    outcomes: list[Outcome] = []
    for received in batch:
        match received.message:
            case Register():
                outcomes += await _register(received, received.message, services)
            case Query():
                outcomes.append(await _query(received, received.message, services))
            case AccountRequested():
                outcomes += await answer_account_request(received, received.message, services)
            case ParkedRequested():
                outcomes.append(SeeParked(received, received.message))
    return outcomes


async def _register(received: Received, message: Register, services: Services) -> list[Outcome]:
    address = received.origin
    account = (await accounts.find(services.ledger, [address])).get(address)
    if account is None:
        return [refused(received, Code.NO_SUCH_ACCOUNT, f"{address} has no account here")]
    await accounts.register(services.ledger, address, message.capabilities)
    session = message.session
    answer = Registered(
        address=address,
        inbox=inbox(address).name,
        session_inbox=session_inbox(address, session).name if session else None,
        limits=accounts.limits_of(account),
        server_time=services.ledger.now,
    )
    waiting = await _what_waits(address, services) if message.capabilities is not None else []
    return [OpenInboxes(address, session), Reply(received, answer), *waiting]


async def _what_waits(address: str, services: Services) -> list[Outcome]:
    waiting: list[Outcome] = []
    for row in await invited.waiting_for(services.ledger, address, MAX_RECEIVERS):
        offer = invited.offer_of(row)
        if row.state in UNDECIDED:
            waiting.append(ToInboxes((address,), ConsentAsked(offer=offer), offer.expires_at))
        elif row.state == Receiver.RECEIVING:
            due = LanesDue(transfer_id=offer.transfer_id, sender=offer.sender, receivers=[address])
            waiting.append(ToStep(domain_of(address), due))
        else:
            ended = invited.goodbye_of(row)
            waiting.append(ToInboxes((address,), ended, services.ledger.now + invited.GOODBYE_LASTS))
    return waiting


async def _query(received: Received, message: Query, services: Services) -> Outcome:
    after = min(message.after, LAST_POSITION)
    query = select(sent_transfers)
    if "@" in received.origin:
        query = query.where(sent_transfers.c.sender == received.origin)
    else:
        query = query.where(sent_transfers.c.sender.like(f"%@{received.domain}"))
    if message.transfer_id is not None:
        found = await services.ledger.first(query.where(sent_transfers.c.transfer_id == message.transfer_id))
        if found is None:
            return refused(
                received, Code.NO_SUCH_TRANSFER, f"no transfer {message.transfer_id} is known here"
            )
        return Reply(received, await reports.describe(services.ledger, found, after))
    return await _list(received, query, after, services)


async def _list(received: Received, query: Select[Any], after: int, services: Services) -> Outcome:
    newest_first = query.order_by(sent_transfers.c.created_at.desc(), sent_transfers.c.transfer_id)
    rows = await services.ledger.all(newest_first.offset(after).limit(reports.LISTING + 1))
    more = after + reports.LISTING if len(rows) > reports.LISTING else None
    listed = TransfersListed(transfers=[reports.status_of(row) for row in rows[: reports.LISTING]], next=more)
    return Reply(received, listed)
