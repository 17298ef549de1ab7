"""Receipts are held against the file before a transfer is called completed: its size, its digest, its list."""

from collections.abc import Iterable
from typing import Any

import msgspec
import structlog
from sqlalchemy import Row

from rollcast.messages.values import FileSelector, ReceiverStatus
from rollcast.reasons import Code
from rollcast.states import Receiver, Transfer
from workers.ledger import sent

MISFIT = "its receipt is about other bytes than were sent"

log = structlog.get_logger()


def checked(ends: Iterable[ReceiverStatus], transfer: Row[Any]) -> list[ReceiverStatus]:
    """The ends of receivers as they may be believed: a receipt about another file, or one that nobody was sent, is
    none.

    Whether a receiver is on the list at all is seen when its end is recorded.
    """
    request = sent.request_of(transfer)
    if request.dry_run or transfer.state == Transfer.DECLINED:
        return [end for end in ends if end.state is not Receiver.DELIVERED]
    return [end if _fits(end, request.file) else _failed(end, transfer.transfer_id) for end in ends]


def _fits(end: ReceiverStatus, file: FileSelector) -> bool:
    if end.state is not Receiver.DELIVERED:
        return True
    return end.bytes == file.size and end.blake3 == file.hash.blake3


def _failed(end: ReceiverStatus, transfer_id: str) -> ReceiverStatus:
    log.warning(
        "a receipt does not fit the file",
        transfer=transfer_id,
        receiver=end.address,
        bytes=end.bytes,
        blake3=end.blake3,
    )
    return msgspec.structs.replace(
        end, state=Receiver.FAILED, reason=Code.NOT_STORED, detail=MISFIT, delivered_at=None
    )
