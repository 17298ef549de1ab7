"""S200: a terminal says who and where it is and what it can take; what waits for it is sent again.

Queries are answered here too, and operators whose command line is of an earlier version.
"""

from collections.abc import Sequence

from rollcast.addresses import domain_of
from rollcast.messages import ConsentAsked, LanesDue, Query, Register, Registered
from rollcast.messages.values import MAX_RECEIVERS
from rollcast.reasons import Code
from rollcast.states import UNDECIDED, Receiver
from rollcast.topology import inbox, session_inbox
from workers.ledger import accounts, invited
from workers.looking.transfer_queries import answer_query
from workers.operators import answer_operator
from workers.work import OpenInboxes, Outcome, Received, Reply, Services, ToInboxes, ToStep, refused


async def register(batch: Sequence[Received], services: Services) -> list[Outcome]:
    """Answer registrations and queries, each directly to whoever asks."""
    outcomes: list[Outcome] = []
    for received in batch:
        match received.message:
            case Register():
                outcomes += await _register(received, received.message, services)
            case Query():
                outcomes.append(await answer_query(received, received.message, services))
            case _:
                outcomes += await answer_operator(received, services)
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
