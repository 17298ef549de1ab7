"""What becomes of a transfer, as its sender is told."""

from typing import Any

from sqlalchemy import Row

from rollcast.messages import TransferRefused, TransferReported
from rollcast.messages.values import MAX_TEXT
from rollcast.reasons import REASONS, Code
from rollcast.states import Transfer
from workers.ledger import Ledger, sent
from workers.looking import views
from workers.work import ToInboxes

EXPLAINED = {"reason": None, "detail": None}
"""A transfer that all have got needs no reason, whatever was under way."""


async def publish(transfer: Row[Any], state: Transfer, ledger: Ledger) -> ToInboxes:
    """The next version of a transfer's report, which stands in `state` from now on."""
    transfer_id, version = transfer.transfer_id, transfer.report_version + 1
    await sent.change(ledger, transfer_id, state=state, report_version=version)
    await ledger.note(transfer_id, [(None, state, f"report {version}")])
    reported = (await sent.lock(ledger, [transfer_id]))[transfer_id]
    return await report(ledger, reported)


async def report(ledger: Ledger, transfer: Row[Any]) -> ToInboxes:
    """The report of a transfer that has ended, for the session that waits for it."""
    receivers, following = await views.page(ledger, transfer.transfer_id, 0)
    message = TransferReported(transfer=views.status_of(transfer), receivers=receivers, next=following)
    return to_sender(transfer, message)


def to_sender(transfer: Row[Any], message: Any) -> ToInboxes:
    """A message into the inbox of the session that sends the file."""
    return ToInboxes((transfer.sender,), message, transfer.expires_at, transfer.session)


def refused(transfer_id: str, step: str, code: Code, detail: str) -> TransferRefused:
    """There will be no transfer: what `step` has found, in the words of the list of reasons."""
    reason = REASONS[code]
    return TransferRefused(
        transfer_id=transfer_id,
        step=step,
        reason=code,
        detail=detail[:MAX_TEXT],
        hint=reason.hint,
        may_ask_again=reason.may_ask_again,
    )
