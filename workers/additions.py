"""The new receiver list and its later versions: is it good enough, who came in addition, who is told."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

from sqlalchemy import Row

from rollcast import policy
from rollcast.addresses import domain_of
from rollcast.messages import CloseDue, LanesDue, ReceiverListResolved, TransferRequested
from rollcast.messages.values import ReceiverStatus
from rollcast.reasons import Code
from rollcast.states import Receiver, Transfer
from workers import reports
from workers.batches import batches, by_domain
from workers.ending import receipt_checks
from workers.ledger import Ledger, roll, sent
from workers.work import Outcome, ToStep


class Outlook(Enum):
    """What becomes of a list: it satisfies its policy, it still may with those that are deferred, or it never can."""

    MET = "met"
    OPEN = "open"
    HOPELESS = "hopeless"


def outlook(request: TransferRequested, everyone: Sequence[Row[Any]]) -> Outlook:
    """How the list stands, by its policy. At least one must be on it in any case."""
    wanted = policy.parse(request.list_policy, {row.address for row in everyone})
    listed = {row.address for row in everyone if row.state == Receiver.ACCEPTED or row.listed_in is not None}
    may_come = {row.address for row in everyone if row.state == Receiver.DEFERRED}
    if listed and wanted.met(listed):
        return Outlook.MET
    return Outlook.OPEN if may_come and wanted.met(listed | may_come) else Outlook.HOPELESS


def unmet(listed: Sequence[object]) -> Code:
    """Why nothing is cast to a list."""
    return Code.POLICY_NOT_MET if listed else Code.NOBODY_LISTED


async def add(transfer: Row[Any], answers: Sequence[ReceiverStatus], ledger: Ledger) -> list[Outcome]:
    """Answers that come after the list was made: who accepts makes its next version."""
    believed = receipt_checks.checked(answers, transfer)
    if not await roll.record(ledger, transfer.transfer_id, believed):
        return []
    if transfer.finished_at is not None:
        await sent.change(ledger, transfer.transfer_id, finished_at=None)
    version = transfer.list_version + 1
    added = await roll.enlist(ledger, transfer.transfer_id, version)
    everyone = await roll.receivers(ledger, transfer.transfer_id, list(Receiver))
    listed = [row for row in everyone if row.listed_in is not None]
    outcomes: list[Outcome] = []
    if added:
        await sent.change(
            ledger, transfer.transfer_id, list_version=version, **sent.prompt_in(transfer, ledger.now)
        )
        await ledger.note(transfer.transfer_id, [(None, "list", f"version {version}, {len(added)} more")])
        outcomes += announce(transfer, version, added, len(listed), len(everyone))
    if transfer.state == Transfer.CASTING:
        return [*outcomes, *(lanes_due(transfer, added) if added else [_close_due(transfer)])]
    return outcomes + await _begin(transfer, everyone, listed, ledger)


async def _begin(
    transfer: Row[Any], everyone: Sequence[Row[Any]], listed: Sequence[Row[Any]], ledger: Ledger
) -> list[Outcome]:
    """The list was not good enough when it was made; it may be now."""
    match outlook(sent.request_of(transfer), everyone):
        case Outlook.MET:
            await sent.change(
                ledger,
                transfer.transfer_id,
                state=Transfer.CASTING,
                resolved_at=ledger.now,
                **sent.prompt_in(transfer, ledger.now),
            )
            return lanes_due(transfer, listed)
        case Outlook.HOPELESS:
            await sent.change(ledger, transfer.transfer_id, reason=unmet(listed))
    # It ends; or else what has changed is worth another report.
    return [_close_due(transfer)]


def announce(
    transfer: Row[Any], version: int, rows: Sequence[Row[Any]], listed: int, requested: int
) -> list[Outcome]:
    """A version of the list, for the sender."""
    parts = list(batches(rows))
    return [
        reports.to_sender(
            transfer,
            ReceiverListResolved(
                transfer_id=transfer.transfer_id,
                list_version=version,
                listed=listed,
                requested=requested,
                receivers=[roll.status_of(row) for row in part],
                part=number,
                parts=len(parts),
            ),
        )
        for number, part in enumerate(parts)
    ]


def lanes_due(transfer: Row[Any], rows: Sequence[Row[Any]]) -> list[Outcome]:
    """Lanes for these, who are on the list."""
    return [
        ToStep(
            domain, LanesDue(transfer_id=transfer.transfer_id, sender=transfer.sender, receivers=addresses)
        )
        for domain, addresses in by_domain(rows)
    ]


def _close_due(transfer: Row[Any]) -> ToStep:
    return ToStep(domain_of(transfer.sender), CloseDue(transfer_id=transfer.transfer_id))
