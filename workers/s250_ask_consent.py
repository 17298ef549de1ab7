"""S250: the question is put into the inbox of each receiver, until the consent deadline."""

from collections.abc import Sequence

from rollcast.addresses import domain_of
from rollcast.messages import ConsentAsked, ConsentDue, ReceiversAnswered
from rollcast.states import UNANSWERED, Receiver
from workers.ledger import Ledger, invited, roll
from workers.work import Outcome, Received, Services, ToInboxes, ToStep


async def ask_consent(batch: Sequence[Received], services: Services) -> list[Outcome]:
    """Ask all that have not answered, again if need be, and tell the sender's server that they are asked."""
    outcomes: list[Outcome] = []
    for received in batch:
        assert isinstance(received.message, ConsentDue)
        outcomes += await _ask(received.message, services.ledger)
    return outcomes


async def _ask(due: ConsentDue, ledger: Ledger) -> list[Outcome]:
    transfer = (await invited.transfers(ledger, [due.transfer_id])).get(due.transfer_id)
    if transfer is None or transfer.closed_at is not None:
        return []
    offer = invited.offer_of(transfer)
    if ledger.now >= offer.consent_deadline:
        return []
    rows = await invited.receivers(ledger, due.transfer_id, due.receivers)
    first = [address for address, row in rows.items() if row.state == Receiver.INVITED]
    await invited.change(
        ledger,
        [
            invited.Change(transfer_id=due.transfer_id, address=address, state=Receiver.ASKED)
            for address in first
        ],
    )
    waiting = [address for address, row in rows.items() if row.state in UNANSWERED]
    if not waiting:
        return []
    asked = await invited.receivers(ledger, due.transfer_id, waiting)
    told = ReceiversAnswered(
        transfer_id=due.transfer_id, receivers=[roll.status_of(row) for row in asked.values()]
    )
    question = ToInboxes(waiting, ConsentAsked(offer=offer), offer.consent_deadline)
    return [question, ToStep(domain_of(offer.sender), told)]
