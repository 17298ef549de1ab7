"""S270: answers are gathered; when all are there, or at the deadline, the new receiver list is made, once."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from rollcast.addresses import domain_of
from rollcast.messages import CloseDue, ReceiversAnswered, RoundDue, UploadDue
from rollcast.messages.values import ReceiverStatus
from rollcast.reasons import Code
from rollcast.states import UNANSWERED, Receiver, Transfer
from workers import additions, observed
from workers.additions import Outlook
from workers.ledger import Ledger, roll, sent
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
        said = answers[transfer.transfer_id]
        if transfer.state not in {Transfer.ASKING, Transfer.CASTING} or transfer.reason is not None:
            continue
        if transfer.list_version:
            # The list of a dry run is all that it makes.
            if not sent.request_of(transfer).dry_run:
                outcomes += await additions.add(transfer, said, services.ledger)
        else:
            outcomes += await _gather(transfer, said, services.ledger)
    return outcomes


async def _gather(transfer: Row[Any], answers: list[ReceiverStatus], ledger: Ledger) -> list[Outcome]:
    transfer_id = transfer.transfer_id
    await roll.record(ledger, transfer_id, answers)
    tally = await roll.tally(ledger, transfer_id)
    waiting = sum(tally.get(state, 0) for state in UNANSWERED)
    if waiting and ledger.now < transfer.consent_deadline:
        return []
    await roll.move(ledger, transfer_id, UNANSWERED, Receiver.NO_ANSWER, step="s270", reason=Code.NO_ANSWER)
    return await _resolve(transfer, ledger)


async def _resolve(transfer: Row[Any], ledger: Ledger) -> list[Outcome]:
    request = sent.request_of(transfer)
    everyone = await roll.receivers(ledger, transfer.transfer_id, list(Receiver))
    listed = [row for row in everyone if row.state == Receiver.ACCEPTED]
    outlook = additions.outlook(request, everyone)
    going_on = outlook is Outlook.MET and not request.dry_run
    over = not going_on and (outlook is not Outlook.OPEN or request.dry_run)
    await sent.change(
        ledger,
        transfer.transfer_id,
        resolved_at=ledger.now,
        list_version=1,
        reason=additions.unmet(listed) if over and outlook is not Outlook.MET else None,
        state=Transfer.CASTING if going_on else transfer.state,
        **sent.prompt_in(transfer, ledger.now, LANES_GRACE),
    )
    await roll.enlist(ledger, transfer.transfer_id, version=1)
    await ledger.note(transfer.transfer_id, [(None, "resolved", f"{len(listed)} of {len(everyone)}")])
    observed.resolved(transfer, ledger)
    outcomes = additions.announce(transfer, 1, everyone, len(listed), len(everyone))
    if going_on:
        return [*outcomes, *additions.lanes_due(transfer, listed)]
    # Who waits for those that are deferred has the file uploaded, and is told; that may be done already.
    home, transfer_id = domain_of(transfer.sender), transfer.transfer_id
    upload = () if over else (ToStep(home, UploadDue(transfer_id=transfer_id)),)
    return [*outcomes, *upload, ToStep(home, CloseDue(transfer_id=transfer_id))]
