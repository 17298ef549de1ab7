"""A transfer as it is told to people and programs: its status, and its receivers page by page."""

from typing import Any

from sqlalchemy import Row, select

from rollcast.messages import TransferDescribed, TransferRefused, TransferReported
from rollcast.messages.values import MAX_RECEIVERS, MAX_TEXT, ReceiverStatus, TransferStatus
from rollcast.reasons import REASONS, Code
from rollcast.states import Transfer
from workers.ledger import Ledger, sent
from workers.ledger.tables import sent_receivers
from workers.work import ToInboxes

LISTING = 100
"""Transfers in one listing message."""
EXPLAINED = {"reason": None, "detail": None}
"""A transfer that all have got needs no reason, whatever was under way."""


def status_of(transfer: Row[Any]) -> TransferStatus:
    """A row of `sent_transfers` as a message carries it."""
    request = sent.request_of(transfer)
    return TransferStatus(
        transfer_id=transfer.transfer_id,
        state=Transfer(transfer.state),
        report_version=transfer.report_version,
        list_version=transfer.list_version,
        list_policy=request.list_policy[:MAX_TEXT],
        sender=transfer.sender,
        created_at=transfer.created_at,
        expires_at=transfer.expires_at,
        file=request.file,
        reason=Code(transfer.reason) if transfer.reason else None,
        detail=transfer.detail,
        roll_call_us=_between(transfer.created_at, transfer.resolved_at),
        delivery_us=_between(transfer.resolved_at, transfer.finished_at),
        retry_of=transfer.retry_of,
    )


def _between(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else max(0, end - start)


async def page(ledger: Ledger, transfer_id: str, after: int) -> tuple[list[ReceiverStatus], int | None]:
    """The receivers from the position `after` on, and the next position if there are more."""
    query = (
        select(sent_receivers)
        .where(sent_receivers.c.transfer_id == transfer_id, sent_receivers.c.position >= after)
        .order_by(sent_receivers.c.position)
        .limit(MAX_RECEIVERS + 1)
    )
    rows = await ledger.all(query)
    following = rows[MAX_RECEIVERS].position if len(rows) > MAX_RECEIVERS else None
    return [sent.status_of(row) for row in rows[:MAX_RECEIVERS]], following


async def describe(ledger: Ledger, transfer: Row[Any], after: int = 0) -> TransferDescribed:
    """The answer to a query about one transfer."""
    receivers, following = await page(ledger, transfer.transfer_id, after)
    return TransferDescribed(transfer=status_of(transfer), receivers=receivers, next=following)


async def publish(transfer: Row[Any], state: Transfer, ledger: Ledger) -> ToInboxes:
    """The next version of a transfer's report, which stands in `state` from now on."""
    transfer_id, version = transfer.transfer_id, transfer.report_version + 1
    await sent.change(ledger, transfer_id, state=state, report_version=version)
    await ledger.note(transfer_id, [(None, state, f"report {version}")])
    reported = (await sent.lock(ledger, [transfer_id]))[transfer_id]
    return await report(ledger, reported)


async def report(ledger: Ledger, transfer: Row[Any]) -> ToInboxes:
    """The report of a transfer that has ended, for the session that waits for it."""
    receivers, following = await page(ledger, transfer.transfer_id, 0)
    message = TransferReported(transfer=status_of(transfer), receivers=receivers, next=following)
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
