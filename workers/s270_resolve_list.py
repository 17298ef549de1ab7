"""S270: answers are gathered; when all are there, or at the deadline, the new receiver list is made, once."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from rollcast.addresses import domain_of
from rollcast.messages import CloseDue, LanesDue, ReceiverListResolved, ReceiversAnswered, RoundDue
from rollcast.messages.values import ReceiverStatus
from rollcast.reasons import Code
from rollcast.states import UNANSWERED, Receiver, Transfer
from workers import policy, reports
from workers.ledger import Ledger, sent
from workers.upload import LANES_GRACE
from workers.work import Outcome, Received, Services, ToStep


async def resolve_list(batch: Sequence[Received], services: Services) -> list[Outcome]:
    """Record what came, then close each round that can be closed."""
    answers: dict[str, list[ReceiverStatus]] = defaultdict(list)
    for received in batch:
        match received.message:
            case ReceiversAnswered(transfer_id=transfer_id, receivers=receivers):
                answers[transfer_id] += receivers
            case RoundDue(transfer_id=transfer_id):
                answers[transfer_id] += []
    outcomes: list[Outcome] = []
    for transfer in (await sent.lock(services.ledger, answers)).values():
        if transfer.state == Transfer.ASKING and transfer.resolved_at is None and transfer.reason is None:
            outcomes += await _gather(transfer, answers[transfer.transfer_id], services.ledger)
    return outcomes


async def _gather(transfer: Row[Any], answers: list[ReceiverStatus], ledger: Ledger) -> list[Outcome]:
    transfer_id = transfer.transfer_id
    await sent.record(ledger, transfer_id, answers)
    tally = await sent.tally(ledger, transfer_id)
    waiting = sum(tally.get(state, 0) for state in UNANSWERED)
    if waiting and ledger.now < transfer.consent_deadline:
        return []
    await sent.move(ledger, transfer_id, UNANSWERED, Receiver.NO_ANSWER, step="s270", reason=Code.NO_ANSWER)
    return await _resolve(transfer, ledger)


async def _resolve(transfer: Row[Any], ledger: Ledger) -> list[Outcome]:
    request = sent.request_of(transfer)
    everyone = await sent.receivers(ledger, transfer.transfer_id, list(Receiver))
    listed = [row for row in everyone if row.state == Receiver.ACCEPTED]
    wanted = policy.parse(request.list_policy, {row.address for row in everyone})
    met = bool(listed) and wanted.met({row.address for row in listed})
    going_on = met and not request.dry_run
    await sent.change(
        ledger,
        transfer.transfer_id,
        resolved_at=ledger.now,
        list_version=1,
        reason=None if met else _unmet(listed),
        state=Transfer.CASTING if going_on else transfer.state,
        **sent.prompt_in(ledger.now, LANES_GRACE),
    )
    await sent.enlist(ledger, transfer.transfer_id, version=1)
    await ledger.note(transfer.transfer_id, [(None, "resolved", f"{len(listed)} of {len(everyone)}")])
    outcomes: list[Outcome] = list(_announce(transfer, everyone, len(listed)))
    if not going_on:
        return [*outcomes, ToStep(domain_of(transfer.sender), CloseDue(transfer_id=transfer.transfer_id))]
    return outcomes + [
        ToStep(
            domain,
            LanesDue(transfer_id=transfer.transfer_id, sender=transfer.sender, receivers=addresses),
        )
        for domain, addresses in sent.by_domain(listed)
    ]


def _unmet(listed: list[Row[Any]]) -> Code:
    return Code.POLICY_NOT_MET if listed else Code.NOBODY_LISTED


def _announce(transfer: Row[Any], everyone: Sequence[Row[Any]], listed: int) -> list[Outcome]:
    parts = list(sent.batches(everyone))
    return [
        reports.to_sender(
            transfer,
            ReceiverListResolved(
                transfer_id=transfer.transfer_id,
                list_version=1,
                listed=listed,
                requested=len(everyone),
                receivers=[sent.status_of(row) for row in rows],
                part=number,
                parts=len(parts),
            ),
        )
        for number, rows in enumerate(parts)
    ]
