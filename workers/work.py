"""What a step gets and what it returns. A step sees neither the broker nor a socket: it says what shall be done."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from rollcast.messages import Message, OverviewAnswered, ParkedRequested, Refused
from rollcast.messages.values import Range
from rollcast.reasons import REASONS, Code
from workers.ledger import Ledger
from workers.settings import Settings


@dataclass(frozen=True, slots=True)
class Received:
    """A message with what is verified of it: `origin` is the broker user, `domain` the one it was sent to."""

    message: Message
    origin: str
    domain: str
    reply_to: str | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Services:
    """What a step may use: the batch's transaction, and the settings."""

    ledger: Ledger
    settings: Settings


@dataclass(frozen=True, slots=True)
class ToStep:
    """To the server of `domain`, on `rollcast.step`."""

    domain: str
    message: Message


@dataclass(frozen=True, slots=True)
class Later:
    """To this server's own step of `domain`, after the pace rung."""

    domain: str
    message: Message


@dataclass(frozen=True, slots=True)
class ToInboxes:
    """Into the inbox of each address (of one `session`, if given), until `expires_at` (µs UTC)."""

    addresses: Sequence[str]
    message: Message
    expires_at: int
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The direct answer to a message; nothing, if that wanted none."""

    to: Received
    message: Message


@dataclass(frozen=True, slots=True)
class IntoCast:
    """Behind the chunks of a transfer: to all lanes, or to the lane of `receiver`."""

    sender: str
    transfer_id: str
    message: Message
    receiver: str | None = None


@dataclass(frozen=True, slots=True)
class OpenInboxes:
    """The permanent inbox of an address, and that of a session."""

    address: str
    session: str | None = None


@dataclass(frozen=True, slots=True)
class OpenLanes:
    """A lane for each receiver, bound to the cast."""

    sender: str
    transfer_id: str
    receivers: Sequence[str]


@dataclass(frozen=True, slots=True)
class DropLanes:
    """The lanes of these receivers, with what is in them."""

    transfer_id: str
    receivers: Sequence[str]


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """The spool hears what the sender uploads; so do the lanes, if `live`."""

    sender: str
    transfer_id: str
    live: bool


@dataclass(frozen=True, slots=True)
class DropCast:
    """The cast exchange, and the spool's binding; with what a worker that died may have left in the spool."""

    sender: str
    transfer_id: str


@dataclass(frozen=True, slots=True)
class DropSpool:
    """The spooled chunks."""

    transfer_id: str


@dataclass(frozen=True, slots=True)
class CastChunks:
    """Chunks out of the spool: to all lanes, or to the lane of `receiver`. What is not spooled is left out."""

    sender: str
    transfer_id: str
    ranges: Sequence[Range]
    receiver: str | None = None


@dataclass(frozen=True, slots=True)
class VerifySpool:
    """Read the whole spooled file and say its digests (`SpoolVerified`)."""

    sender: str
    transfer_id: str
    chunks: int
    sha256: bool


@dataclass(frozen=True, slots=True)
class MeasureLanes:
    """See how deep these lanes are, and say (`LanesMeasured`) whether the next piece has to wait for them.

    It has `piece` chunks, and they have held it back for `held` µs.
    """

    sender: str
    transfer_id: str
    receivers: Sequence[str]
    piece: int
    held: int


@dataclass(frozen=True, slots=True)
class GrantRights:
    """A broker user with the rights of a terminal; a new one, or one with a new password, if its hash is given."""

    address: str
    password_hash: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SetPassword:
    """Another password for a broker user, by its hash; its rights and connections stay."""

    address: str
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CloseConnections:
    """The broker closes all connections of a user, which may connect again."""

    address: str


@dataclass(frozen=True, slots=True)
class RevokeRights:
    """No rights for the broker user, and its connections closed; `remove` takes user and inbox away too."""

    address: str
    remove: bool


@dataclass(frozen=True, slots=True)
class SeeParked:
    """What an operator wants to know of the parked messages, or to do with some; the answer follows."""

    asked: Received
    request: ParkedRequested


@dataclass(frozen=True, slots=True)
class SeeBroker:
    """The rest of an overview, as the broker knows it; the answer follows."""

    asked: Received
    overview: OverviewAnswered


@dataclass(frozen=True, slots=True)
class Diagnose:
    """Whether this server has all that it needs; the answer follows."""

    asked: Received


Action = (
    OpenInboxes
    | OpenLanes
    | DropLanes
    | OpenUpload
    | DropCast
    | DropSpool
    | CastChunks
    | VerifySpool
    | MeasureLanes
    | GrantRights
    | SetPassword
    | CloseConnections
    | RevokeRights
    | SeeParked
    | SeeBroker
    | Diagnose
)
"""What is done at the broker or the spool, after the commit and before anything is published."""
Publication = ToStep | Later | ToInboxes | Reply | IntoCast
Outcome = Action | Publication
Step = Callable[[Sequence[Received], Services], Awaitable[list[Outcome]]]
"""A step: a batch in one transaction in, what follows out."""


def refused(to: Received, code: Code, detail: str) -> Reply:
    """A direct refusal, with the hint that goes with its reason."""
    return Reply(to, Refused(reason=code, detail=detail, hint=REASONS[code].hint))
