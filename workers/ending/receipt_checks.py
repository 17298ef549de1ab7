"""Receipts are held against the file before a transfer is called completed: its size, its digest, its list."""

from collections.abc import Iterable

import msgspec
import structlog

from rollcast.messages.values import FileSelector, ReceiverStatus
from rollcast.reasons import Code
from rollcast.states import Receiver

MISFIT = "its receipt is about other bytes than were sent"

log = structlog.get_logger()


def checked(ends: Iterable[ReceiverStatus], file: FileSelector, transfer_id: str) -> list[ReceiverStatus]:
    """The ends of receivers as they may be believed: a receipt about another file is none.

    Whether a receiver is on the list at all is seen when its end is recorded.
    """
    return [end if _fits(end, file) else _failed(end, transfer_id) for end in ends]


def _fits(end: ReceiverStatus, file: FileSelector) -> bool:
    if end.state is not Receiver.DELIVERED:
        return True
    return end.bytes == file.size and end.blake3 == file.hash.blake3


def _failed(end: ReceiverStatus, transfer_id: str) -> ReceiverStatus:
    log.error(
        "a receipt does not fit the file",
        transfer=transfer_id,
        receiver=end.address,
        bytes=end.bytes,
        blake3=end.blake3,
    )
    return msgspec.structs.replace(
        end, state=Receiver.FAILED, reason=Code.NOT_STORED, detail=MISFIT, delivered_at=None
    )
