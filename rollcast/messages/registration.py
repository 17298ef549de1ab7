"""Messages of S200: who is there, what may it do, how do its transfers stand."""

from typing import Annotated

import msgspec
from msgspec import Meta

from rollcast.messages.base import Message
from rollcast.messages.values import (
    Account,
    AccountAction,
    Address,
    Capabilities,
    Count,
    Instant,
    Limits,
    ParkedAction,
    ParkedId,
    ParkedMessage,
    ReceiverStatus,
    Session,
    Text,
    TransferId,
    TransferStatus,
)
from rollcast.reasons import Code


class Register(Message, frozen=True, kw_only=True):
    """A terminal says that it is there. With `session` it gets an inbox of its own for this process; with
    `capabilities` it is ready to receive, and all that waits for it is sent again."""

    session: Session | None = None
    capabilities: Capabilities | None = None


class Registered(Message, frozen=True, kw_only=True):
    """The answer to `Register`: the inboxes that the terminal may consume, its limits, the server's time."""

    address: Address
    inbox: Text
    session_inbox: Text | None = None
    limits: Limits
    server_time: Instant


class Query(Message, frozen=True, kw_only=True):
    """Asks for one transfer, or without `transfer_id` for the newest ones. `after` continues a listing."""

    transfer_id: TransferId | None = None
    after: Count = 0


class TransferDescribed(Message, frozen=True, kw_only=True):
    """One transfer with up to 500 of its receivers; `next` is the `after` that fetches the rest."""

    transfer: TransferStatus
    receivers: Annotated[list[ReceiverStatus], Meta(max_length=500)]
    next: Count | None = None


class TransfersListed(Message, frozen=True, kw_only=True):
    """Up to 100 transfers, newest first; `next` is the `after` that fetches older ones."""

    transfers: Annotated[list[TransferStatus], Meta(max_length=100)]
    next: Count | None = None


class AccountRequested(Message, frozen=True, kw_only=True):
    """An operator changes an account, or lists those of a domain (`address` is then not looked at)."""

    action: AccountAction
    address: Address | None = None
    limits: Limits = Limits()
    after: Address | None = None


class AccountAnswered(Message, frozen=True, kw_only=True):
    """The accounts after the change. `password` is given once, when the account is added."""

    accounts: Annotated[list[Account], Meta(max_length=500)]
    password: Text | None = None
    next: Address | None = None


class ParkedRequested(Message, frozen=True, kw_only=True):
    """An operator looks at parked messages, from the position `after` on, or replays or drops those named by
    `ids`."""

    action: ParkedAction
    ids: Annotated[list[ParkedId], Meta(max_length=100)] = msgspec.field(default_factory=list)
    after: Count = 0


class ParkedAnswered(Message, frozen=True, kw_only=True):
    """The parked messages asked for, or those that were replayed or dropped; `next` is the `after` of the rest."""

    messages: Annotated[list[ParkedMessage], Meta(max_length=100)]
    next: Count | None = None


class Refused(Message, frozen=True, kw_only=True):
    """The answer to a request that cannot be met."""

    reason: Code
    detail: Text
    hint: Text
