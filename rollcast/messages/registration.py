"""Messages of S200: who is there, what may it do, how do its transfers stand."""

from typing import Annotated

import msgspec
from msgspec import Meta

from rollcast.messages.base import Message
from rollcast.messages.figures import (
    BrokerFigures,
    Finding,
    QueueFigures,
    SpoolFigures,
    Straggler,
    TransferCount,
)
from rollcast.messages.values import (
    Account,
    AccountAction,
    Address,
    Capabilities,
    Count,
    Instant,
    Limits,
    Order,
    ParkedAction,
    ParkedId,
    ParkedMessage,
    PasswordHash,
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
    """Asks for one transfer, or without `transfer_id` for the newest ones, `limit` of them at the most. `after`
    continues a listing. The receivers of a transfer come as they were named, or first those that hold it up most."""

    transfer_id: TransferId | None = None
    after: Count = 0
    limit: Annotated[int, Meta(ge=1, le=500)] | None = None
    order: Order = "request"


class TransferDescribed(Message, frozen=True, kw_only=True):
    """One transfer with up to 500 of its receivers; `next` is the `after` that fetches the rest, and `at` the
    server's time."""

    transfer: TransferStatus
    receivers: Annotated[list[ReceiverStatus], Meta(max_length=500)]
    next: Count | None = None
    at: Instant | None = None


class TransfersListed(Message, frozen=True, kw_only=True):
    """Up to 100 transfers, newest first; `next` is the `after` that fetches older ones, and `at` the server's
    time."""

    transfers: Annotated[list[TransferStatus], Meta(max_length=100)]
    next: Count | None = None
    at: Instant | None = None


class AccountRequested(Message, frozen=True, kw_only=True):
    """An operator changes an account, or lists those of a domain (`address` is then not looked at). `password_hash`
    is for a new account, or for one that gets another password; without it the server makes a password."""

    action: AccountAction
    address: Address | None = None
    limits: Limits = Limits()
    after: Address | None = None
    password_hash: PasswordHash | None = None

    def __repr__(self) -> str:
        return f"AccountRequested(action={self.action!r}, address={self.address!r}, limits={self.limits!r})"


class AccountAnswered(Message, frozen=True, kw_only=True):
    """The accounts after the change. `password` is one that the server has made, and keeps nowhere."""

    accounts: Annotated[list[Account], Meta(max_length=500)]
    password: Text | None = None
    next: Address | None = None

    def __repr__(self) -> str:
        return f"AccountAnswered(accounts={self.accounts!r}, next={self.next!r})"


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


class OverviewRequested(Message, frozen=True, kw_only=True):
    """An operator wants to see what a server and the transfers of a domain do at this moment."""


class OverviewAnswered(Message, frozen=True, kw_only=True):
    """A server's queues, broker and spool, and the domain's transfers: how many there are in each state, counting
    ended ones for a day, the newest of those that go on (`open` in all), and the receivers that hold them up most.
    `trouble`: why nothing is known of the broker."""

    server: Text
    at: Instant
    queues: Annotated[list[QueueFigures], Meta(max_length=100)]
    broker: BrokerFigures | None = None
    trouble: Text | None = None
    spool: SpoolFigures | None = None
    counts: Annotated[list[TransferCount], Meta(max_length=100)]
    open: Count
    transfers: Annotated[list[TransferStatus], Meta(max_length=50)]
    stragglers: Annotated[list[Straggler], Meta(max_length=50)]


class DiagnosisRequested(Message, frozen=True, kw_only=True):
    """An operator wants to know whether a server has all that it needs."""


class DiagnosisAnswered(Message, frozen=True, kw_only=True):
    """What the server has found, in the order in which it is best read; `at` is its time."""

    server: Text
    at: Instant
    findings: Annotated[list[Finding], Meta(max_length=200)]


class Refused(Message, frozen=True, kw_only=True):
    """The answer to a request that cannot be met."""

    reason: Code
    detail: Text
    hint: Text
