"""S240: is each receiver known, not suspended, and able to take this file?

An invitation is also a prompt: a receiver that is known already is answered with what stands in the ledger.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from rollcast.addresses import domain_of
from rollcast.errors import IdentityError
from rollcast.messages import ConsentDue, ReceiversAnswered, ReceiversInvited
from rollcast.messages.values import Offer, ReceiverStatus
from rollcast.states import ON_THE_LIST, UNANSWERED, WITHOUT_IT, Receiver
from workers.abilities import verdict
from workers.ledger import Ledger, accounts, invited, roll
from workers.ledger.tables import invited_receivers
from workers.work import Outcome, Received, Services, ToStep


async def check_receivers(batch: Sequence[Received], services: Services) -> list[Outcome]:
    """The able ones are to be asked, the others are answered for, each with a reason."""
    outcomes: list[Outcome] = []
    for received in batch:
        message = received.message
        assert isinstance(message, ReceiversInvited)
        outcomes += await _check(message.offer, message.receivers, received.domain, services.ledger)
    return outcomes


async def _check(offer: Offer, addresses: list[str], domain: str, ledger: Ledger) -> list[Outcome]:
    await invited.write_down(ledger, offer)
    known = (await invited.transfers(ledger, [offer.transfer_id])).get(offer.transfer_id)
    if known is None:
        return []
    if invited.offer_of(known).sender != offer.sender:
        raise IdentityError(f"{offer.sender} invites to {offer.transfer_id}, which is not its transfer")
    rows = await invited.receivers(ledger, offer.transfer_id, addresses)
    new = [a for a in dict.fromkeys(addresses) if a not in rows and domain_of(a) == domain]
    if new and known.closed_at is None:
        await _write_verdicts(offer, new, ledger)
        rows = await invited.receivers(ledger, offer.transfer_id, addresses)
    waiting = [row.address for row in rows.values() if row.state in UNANSWERED]
    answered = [row for row in rows.values() if row.state not in UNANSWERED and not invited.unconfirmed(row)]
    return [*_due(offer, waiting, domain, ledger.now), *_answers(offer, answered)]


async def _write_verdicts(offer: Offer, addresses: list[str], ledger: Ledger) -> None:
    found = await accounts.find(ledger, addresses)
    consenting = await _consent_given(offer, addresses, ledger)
    records = [
        _record(offer, address, found.get(address), ledger.now if address in consenting else None)
        for address in addresses
    ]
    await ledger.execute(ledger.insert(invited_receivers).on_conflict_do_nothing(), records)
    await ledger.note(offer.transfer_id, [(r["address"], r["state"], r["reason"]) for r in records])


async def _consent_given(offer: Offer, addresses: list[str], ledger: Ledger) -> set[str]:
    """Who has accepted this file of this sender, as it is offered now, in the transfer that is tried again, and was
    cut off."""
    if offer.retry_of is None:
        return set()
    former = (await invited.transfers(ledger, [offer.retry_of])).get(offer.retry_of)
    if former is None:
        return set()
    known = invited.offer_of(former)
    if (known.sender, known.file) != (offer.sender, offer.file):
        return set()
    rows = (await invited.receivers(ledger, offer.retry_of, addresses)).values()
    # The former transfer may not be closed here yet: its own server has seen to it that it has ended.
    lacking = WITHOUT_IT | ON_THE_LIST
    return {row.address for row in rows if row.accepted_at is not None and row.state in lacking}


def _record(offer: Offer, address: str, account: Row[Any] | None, accepted_at: int | None) -> dict[str, Any]:
    state, reason, detail = verdict(offer, account)
    able = state == Receiver.INVITED
    if able and accepted_at is not None:
        state = Receiver.ACCEPTED
    return {
        "transfer_id": offer.transfer_id,
        "address": address,
        "state": state,
        "revision": 1,
        "accepted_at": accepted_at,
        "step": None if able else "s240",
        "reason": reason,
        "detail": detail,
        "bytes": 0,
    }


def _due(offer: Offer, addresses: list[str], domain: str, now: int) -> list[Outcome]:
    if not addresses or now >= offer.consent_deadline:
        return []
    return [ToStep(domain, ConsentDue(transfer_id=offer.transfer_id, receivers=addresses))]


def _answers(offer: Offer, rows: list[Row[Any]]) -> list[Outcome]:
    if not rows:
        return []
    statuses: list[ReceiverStatus] = [roll.status_of(row) for row in rows]
    answered = ReceiversAnswered(transfer_id=offer.transfer_id, receivers=statuses)
    return [ToStep(domain_of(offer.sender), answered)]
