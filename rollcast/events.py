"""What `Sender.send` and `Receiver` tell their caller, in the order in which it happens."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rollcast.messages.values import Hashes, Limits, Offer, ReceiverStatus
from rollcast.reasons import Code
from rollcast.report import Report
from rollcast.states import Transfer


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a transfer."""

    transfer_id: str


@dataclass(frozen=True, kw_only=True)
class Accepted(Event):
    """To the sender: the server has written the transfer down. Again whenever `state` is found changed."""

    state: Transfer
    created_at: int
    consent_deadline: int
    expires_at: int
    recipients: int


@dataclass(frozen=True, kw_only=True)
class Held(Event):
    """To the sender: the transfer waits for room on the server and goes on by itself."""

    reason: Code
    detail: str


@dataclass(frozen=True, kw_only=True)
class Paused(Event):
    """To the sender: the broker takes nothing at present, being short of memory or disk. The transfer waits."""


@dataclass(frozen=True, kw_only=True)
class Resumed(Event):
    """To the sender: the broker takes messages again."""


@dataclass(frozen=True, kw_only=True)
class ListResolved(Event):
    """To the sender: the new receiver list, and all that are not on it with their reasons. It comes again, with the
    next `list_version`, when somebody accepts later; `added` are those who are new on it, at first all."""

    list_version: int
    listed: tuple[ReceiverStatus, ...]
    others: tuple[ReceiverStatus, ...]
    added: tuple[ReceiverStatus, ...]


@dataclass(frozen=True, kw_only=True)
class UploadStarted(Event):
    """To the sender: the server has asked for the first chunks."""


@dataclass(frozen=True, kw_only=True)
class UploadProgressed(Event):
    """To the sender, at most once a second: so many bytes of the file are with the broker or with the server."""

    bytes: int


@dataclass(frozen=True, kw_only=True)
class Uploaded(Event):
    """To the sender: the server has the whole file and needs the sender no longer."""


@dataclass(frozen=True, kw_only=True)
class Progressed(Event):
    """To the sender, at most once a second: bytes stored by each receiver that has reported any so far."""

    receivers: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Reported(Event):
    """To the sender, last of all: who has the file, and why the others do not. All on the list have come to their
    end; the transfer itself may go on for those who put their decision off (`report.transfer.state`)."""

    report: Report


@dataclass(frozen=True, kw_only=True)
class Ready:
    """To a receiver: it is registered and listens. Again each time it had to register anew."""

    address: str
    limits: Limits


@dataclass(frozen=True, kw_only=True)
class Asked(Event):
    """To a receiver: a file is offered. `decide` is being asked."""

    offer: Offer


@dataclass(frozen=True, kw_only=True)
class Answered(Event):
    """To a receiver: the server has its answer. `deferred`: it will be asked again, or decides by `answer`."""

    offer: Offer
    accept: bool
    deferred: bool = False


@dataclass(frozen=True, kw_only=True)
class AnswerRefused(Event):
    """To a receiver: its answer does not count."""

    reason: Code
    detail: str


@dataclass(frozen=True, kw_only=True)
class Opened(Event):
    """To a receiver: the file is about to come, or to go on coming after a restart."""

    offer: Offer


@dataclass(frozen=True, kw_only=True)
class Stored(Event):
    """To a receiver, at most once a second: so many bytes of the file are stored."""

    bytes: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Delivered(Event):
    """To a receiver: the file is at `path`, whole, verified and synced, and the server has the receipt. If it
    refused that, or was silent until a minute after the expiry, `recorded` is false: the report may deny that the
    file is here, until the server asks again, this process or the next, and gets the receipt. No event tells that."""

    offer: Offer
    path: Path
    hash: Hashes
    recorded: bool = True


@dataclass(frozen=True, kw_only=True)
class Failed(Event):
    """To a receiver: the file could not be stored; the server knows, or did not listen until the transfer ended."""

    offer: Offer
    detail: str


@dataclass(frozen=True, kw_only=True)
class Ended(Event):
    """To a receiver: the transfer ended without the file having come; nothing of it is left here."""

    offer: Offer
    state: Transfer
    reason: Code | None


SenderEvent = (
    Accepted
    | Held
    | Paused
    | Resumed
    | ListResolved
    | UploadStarted
    | UploadProgressed
    | Uploaded
    | Progressed
    | Reported
)
ReceiverEvent = Ready | Asked | Answered | AnswerRefused | Opened | Stored | Delivered | Failed | Ended
