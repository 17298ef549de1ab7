"""S260: the answers of receivers are written down, the first of each stands, and forwarded."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from rollcast.addresses import domain_of
from rollcast.errors import IdentityError
from rollcast.messages import AnswerRecorded, AnswerRefused, ConsentAnswered, ReceiversAnswered
from rollcast.reasons import REASONS, Code
from rollcast.states import CUT_OFF, UNANSWERED, UNDECIDED, Receiver
from workers.batches import batches
from workers.ledger import Ledger, invited, roll
from workers.work import Outcome, Received, Reply, Services, ToInboxes, ToStep


async def collect_consent(batch: Sequence[Received], services: Services) -> list[Outcome]:
    """Record answers by transfer, so that many of them cost one forwarded message."""
    answers: dict[str, list[tuple[str, ConsentAnswered]]] = defaultdict(list)
    for received in batch:
        assert isinstance(received.message, ConsentAnswered)
        answers[received.message.transfer_id].append((received.origin, received.message))
    transfers = await invited.transfers(services.ledger, answers)
    outcomes: list[Outcome] = []
    for transfer_id, said in answers.items():
        if transfer_id not in transfers:
            raise IdentityError(f"{said[0][0]} answers about {transfer_id}, which is not known here")
        outcomes += await _collect(transfers[transfer_id], said, services.ledger)
    return outcomes + [_recorded(received) for received in batch]


async def _collect(
    transfer: Row[Any], said: list[tuple[str, ConsentAnswered]], ledger: Ledger
) -> list[Outcome]:
    transfer_id = transfer.transfer_id
    rows = await invited.receivers(ledger, transfer_id, [address for address, _ in said])
    offer, closed = invited.offer_of(transfer), transfer.closed_at is not None
    late = closed or ledger.now > offer.expires_at
    changes: dict[str, invited.Change] = {}
    refusals: list[Outcome] = []
    for address, answer in said:
        if address not in rows:
            raise IdentityError(f"{address} was not asked about {transfer_id}")
        state = changes[address].state if address in changes else Receiver(rows[address].state)
        if answer.deferred and state is Receiver.DEFERRED and not late:
            continue
        if state in UNDECIDED and not late:
            changes[address] = _change(address, answer, ledger.now)
        elif state in UNDECIDED or state in CUT_OFF:
            refusals.append(_refused(address, transfer_id, Code.ANSWERED_TOO_LATE, offer.expires_at))
        elif _contradicts(answer, state):
            refusals.append(_refused(address, transfer_id, Code.ALREADY_ANSWERED, offer.expires_at))
    await invited.change(ledger, list(changes.values()))
    after = await invited.receivers(ledger, transfer_id, list(rows))
    statuses = [roll.status_of(row) for row in after.values() if row.state not in UNANSWERED]
    home = domain_of(offer.sender)
    return [*refusals, *(ToStep(home, _forward(transfer_id, part)) for part in batches(statuses))]


def _change(address: str, answer: ConsentAnswered, now: int) -> invited.Change:
    if answer.deferred:
        return invited.Change(
            transfer_id=answer.transfer_id,
            address=address,
            state=Receiver.DEFERRED,
            step="s260",
            detail=answer.detail,
        )
    if answer.accept:
        return invited.Change(
            transfer_id=answer.transfer_id,
            address=address,
            state=Receiver.ACCEPTED,
            step="s260",
            accepted_at=now,
        )
    return invited.Change(
        transfer_id=answer.transfer_id,
        address=address,
        state=Receiver.REJECTED,
        step="s260",
        reason=Code.REJECTED,
        detail=answer.detail,
    )


def _contradicts(answer: ConsentAnswered, state: Receiver) -> bool:
    return not answer.deferred and answer.accept == (state == Receiver.REJECTED)


def _recorded(received: Received) -> Reply:
    assert isinstance(received.message, ConsentAnswered)
    return Reply(received, AnswerRecorded(transfer_id=received.message.transfer_id))


def _refused(address: str, transfer_id: str, code: Code, expires_at: int) -> ToInboxes:
    refused = AnswerRefused(transfer_id=transfer_id, reason=code, detail=REASONS[code].sentence)
    return ToInboxes((address,), refused, expires_at)


def _forward(transfer_id: str, statuses: list[Any]) -> ReceiversAnswered:
    return ReceiversAnswered(transfer_id=transfer_id, receivers=statuses)
