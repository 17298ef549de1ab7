"""Messages of S310: receipts, the report and the closing (receipts in the sense of IMDN, RFC 5438)."""

from typing import Annotated, Literal

from msgspec import Meta

from rollcast.messages.base import Message
from rollcast.messages.values import (
    Bytes,
    Count,
    Domain,
    Hashes,
    ReceiverStatus,
    Text,
    TransferId,
    TransferStatus,
)
from rollcast.reasons import Code
from rollcast.states import Transfer


class ReceiptReported(Message, frozen=True, kw_only=True):
    """S310. A receiver has the file whole, verified and synced; or could not store it, and why; or has removed what
    it had of a transfer that was cut off (`discarded`). With `delivered`, `bytes` is the size of the file and
    `hash` what the receiver computed."""

    transfer_id: TransferId
    outcome: Literal["delivered", "failed", "discarded"]
    bytes: Bytes
    hash: Hashes | None = None
    stored_as: Text | None = None
    detail: Text | None = None


class ReceiptRecorded(Message, frozen=True, kw_only=True):
    """The answer to `ReceiptReported`: the ledger has it."""

    transfer_id: TransferId


class ReceiversFinished(Message, frozen=True, kw_only=True):
    """S310, at the sender's server: these receivers have come to their end."""

    transfer_id: TransferId
    receivers: Annotated[list[ReceiverStatus], Meta(max_length=500)]


class CancelRequested(Message, frozen=True, kw_only=True):
    """S310. The sender takes the transfer back: because it wants to, or because the file changed."""

    transfer_id: TransferId
    reason: Literal["cancelled", "source_changed"] = "cancelled"
    detail: Text | None = None


class CloseDue(Message, frozen=True, kw_only=True):
    """S310. See whether the transfer has ended, by its expiry or since all are final."""

    transfer_id: TransferId


class TransferReported(Message, frozen=True, kw_only=True):
    """To the sender: all on the list have come to their end, or the transfer has. Sent again, with the next
    `report_version`, when something changes later. Up to 500 receivers; `Query` with `after` = `next` fetches the
    rest."""

    transfer: TransferStatus
    receivers: Annotated[list[ReceiverStatus], Meta(max_length=500)]
    next: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None


class TransferClosed(Message, frozen=True, kw_only=True):
    """S310, at each invited server: the transfer ends; nothing that comes later opens it again."""

    transfer_id: TransferId
    sender_domain: Domain
    state: Transfer
    reason: Code | None = None


class ClosingConfirmed(Message, frozen=True, kw_only=True):
    """S310, at the sender's server: an invited server has closed its half, in which `delivered` have the file."""

    transfer_id: TransferId
    domain: Domain
    delivered: Count = 0


class TransferEnded(Message, frozen=True, kw_only=True):
    """To the inbox of a receiver that does not have the file: it will not come. What is there of it is removed, and
    that is confirmed by a receipt (`discarded`)."""

    transfer_id: TransferId
    state: Transfer
    reason: Code | None = None
