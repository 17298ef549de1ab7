"""Messages of S210 to S270: the request, the roll call and the new receiver list."""

from typing import Annotated

from msgspec import Meta

from rollcast.messages.base import Message
from rollcast.messages.values import (
    Address,
    Addresses,
    ChunkSize,
    Count,
    Domain,
    Duration,
    FileSelector,
    Instant,
    Offer,
    ReceiverStatus,
    Session,
    Step,
    Text,
    TransferId,
    Upload,
    Version,
)
from rollcast.reasons import Code
from rollcast.states import Transfer

Part = Annotated[int, Meta(ge=0, le=9999)]
Parts = Annotated[int, Meta(ge=1, le=10_000)]
Statuses = Annotated[list[ReceiverStatus], Meta(max_length=500)]


class TransferRequested(Message, frozen=True, kw_only=True):
    """S210. A sender asks for a transfer. A list of over 500 recipients comes in `parts`, which differ in
    `recipients` and `part` only. Repeated under the same id it is answered with the present state. With `retry_of`
    it goes to receivers of that transfer who had accepted and were cut off, and they are not asked again."""

    transfer_id: TransferId
    session: Session
    file: FileSelector
    recipients: Annotated[list[Text], Meta(max_length=500)]
    part: Part = 0
    parts: Parts = 1
    chunk_size: ChunkSize = 1024 * 1024
    list_policy: Annotated[str, Meta(max_length=65_536)] = "subset"
    consent_timeout: Duration = 60_000
    expires: Duration = 86_400_000
    upload: Upload = "live"
    dry_run: bool = False
    retry_of: TransferId | None = None


class TransferAccepted(Message, frozen=True, kw_only=True):
    """To the sender: the transfer is written down, and stands so. `uploaded`: the spool has the whole file."""

    transfer_id: TransferId
    state: Transfer
    created_at: Instant
    consent_deadline: Instant
    expires_at: Instant
    recipients: Count
    uploaded: bool = False


class TransferHeld(Message, frozen=True, kw_only=True):
    """To the sender: the transfer waits for room on the server, and goes on by itself."""

    transfer_id: TransferId
    reason: Code
    detail: Text


class TransferRefused(Message, frozen=True, kw_only=True):
    """To the sender: there will be no transfer, and why."""

    transfer_id: TransferId
    step: Step
    reason: Code
    detail: Text
    hint: Text
    may_ask_again: bool


class SenderCheckDue(Message, frozen=True, kw_only=True):
    """S220. May this transfer's sender send it?"""

    transfer_id: TransferId


class InvitationsDue(Message, frozen=True, kw_only=True):
    """S230. The receivers without an answer are to be invited."""

    transfer_id: TransferId


class ReceiversInvited(Message, frozen=True, kw_only=True):
    """S240, at the receivers' server. Also a prompt: it is answered with what is known by now."""

    offer: Offer
    receivers: Addresses


class ConsentDue(Message, frozen=True, kw_only=True):
    """S250. These receivers are to be asked."""

    transfer_id: TransferId
    receivers: Addresses


class ConsentAsked(Message, frozen=True, kw_only=True):
    """To a receiver's inbox: will you take this file?"""

    offer: Offer


class ConsentAnswered(Message, frozen=True, kw_only=True):
    """S260. A receiver's answer; the first one stands. With `deferred` it is put off, and `accept` says nothing:
    another one may follow until the transfer ends."""

    transfer_id: TransferId
    accept: bool
    detail: Text | None = None
    deferred: bool = False


class AnswerRecorded(Message, frozen=True, kw_only=True):
    """The answer to `ConsentAnswered`: the ledger has an answer of this receiver."""

    transfer_id: TransferId


class AnswerRefused(Message, frozen=True, kw_only=True):
    """To a receiver's inbox: its answer does not count, and why."""

    transfer_id: TransferId
    reason: Code
    detail: Text


class ReceiversAnswered(Message, frozen=True, kw_only=True):
    """S270, at the sender's server: how receivers of one domain stand."""

    transfer_id: TransferId
    receivers: Statuses


class RoundDue(Message, frozen=True, kw_only=True):
    """S270. The consent deadline has come."""

    transfer_id: TransferId


class ReceiverListResolved(Message, frozen=True, kw_only=True):
    """To the sender: the new receiver list, in parts. Version 1 holds those listed (`accepted`) and the others
    with their reasons; a later version is an addition, and holds only who is new on the list. `listed` and
    `requested` count everybody, in all versions and parts."""

    transfer_id: TransferId
    list_version: Version
    listed: Count
    requested: Count
    receivers: Statuses
    part: Part = 0
    parts: Parts = 1


class LanesDue(Message, frozen=True, kw_only=True):
    """S280, at the receivers' server: these on the list are to get a lane. Also a prompt."""

    transfer_id: TransferId
    sender: Address
    receivers: Addresses


class LaneOpened(Message, frozen=True, kw_only=True):
    """To a receiver's inbox: the file comes through this queue. Repeated, it prompts the receiver to say what
    it still misses, or to send its receipt again."""

    offer: Offer
    lane: Text


class LanesOpened(Message, frozen=True, kw_only=True):
    """S290, at the sender's server: these receivers' lanes are bound to the cast."""

    transfer_id: TransferId
    domain: Domain
    receivers: Addresses
