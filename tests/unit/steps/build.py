"""What the steps' tests are made of: addresses, messages as their verified users sent them, and what comes out."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from blake3 import blake3

from rollcast.addresses import domain_of
from rollcast.messages import (
    ConsentAnswered,
    Message,
    ReceiptReported,
    ReceiversInvited,
    TransferReported,
    TransferRequested,
)
from rollcast.messages.values import FileSelector, Hashes, Offer
from rollcast.reasons import Code
from rollcast.states import Receiver
from tests.people import ALICE, BOB, CAROL, SERVER_USER
from workers.work import CastChunks, IntoCast, Later, Outcome, Received, Reply, ToInboxes, ToStep

T, OTHER_T = "a" * 32, "b" * 32
SESSION, OTHER_SESSION = "1" * 32, "2" * 32
SECOND, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000
MiB = 1024 * 1024
PIECE = 64
"""Chunks of 1 MiB that are granted at a time."""
RIGHT = Hashes(blake3="c" * 64)
WRONG = Hashes(blake3="d" * 64)


Kind = TypeVar("Kind")


def file(size: int = 300 * MiB, name: str = "report.pdf", **fields: Any) -> FileSelector:
    """A file; 300 chunks of 1 MiB unless told."""
    usual: dict[str, Any] = {"name": name, "size": size, "hash": RIGHT}
    return FileSelector(**usual | fields)


def request(recipients: Sequence[str] = (BOB, CAROL), **fields: Any) -> TransferRequested:
    """A request for a transfer."""
    usual: dict[str, Any] = {
        "transfer_id": T,
        "session": SESSION,
        "file": file(),
        "recipients": list(recipients),
    }
    return TransferRequested(**usual | fields)


def by(origin: str, message: Message, **fields: Any) -> Received:
    """A message as a verified broker user sent it, to the user's own domain."""
    return Received(message, origin, domain_of(origin), **fields)


def at(domain: str, message: Message, **fields: Any) -> Received:
    """A message that a server sent to the server of `domain`."""
    return Received(message, SERVER_USER, domain, **fields)


def of(outcomes: Iterable[Outcome], kind: type[Kind]) -> list[Kind]:
    """The outcomes of a kind; or the messages of a kind in them, wherever they go."""
    return [
        found
        for outcome in outcomes
        for found in (outcome, getattr(outcome, "message", None))
        if isinstance(found, kind)
    ]


def one(outcomes: Iterable[Outcome], kind: type[Kind]) -> Kind:
    """The only outcome, or message, of a kind."""
    (found,) = of(outcomes, kind)
    return found


def whereto(outcomes: Iterable[Outcome], kind: type[Message]) -> list[object]:
    """For each message of a kind where it goes: a domain, (address, session), the lane's receiver, or None."""
    places: list[object] = []
    for outcome in outcomes:
        match outcome:
            case ToStep(place, message) | Later(place, message) if isinstance(message, kind):
                places.append(place)
            case ToInboxes(addresses, message, _, session) if isinstance(message, kind):
                places += [(address, session) for address in addresses]
            case IntoCast(_, _, message, receiver) if isinstance(message, kind):
                places.append(receiver)
            case Reply(to, message) if isinstance(message, kind):
                places.append(to)
    return places


def ranges(outcomes: Iterable[Outcome]) -> list[tuple[int, int]]:
    """The ranges of all chunks that are cast."""
    return [one for cast in of(outcomes, CastChunks) for one in cast.ranges]


def digest(index: int) -> bytes:
    """The digest of a chunk in these tests' files."""
    return blake3(index.to_bytes(8)).digest()


def accept(transfer_id: str = T) -> ConsentAnswered:
    """A receiver says yes."""
    return ConsentAnswered(transfer_id=transfer_id, accept=True)


def reject(transfer_id: str = T, detail: str | None = None) -> ConsentAnswered:
    """A receiver says no."""
    return ConsentAnswered(transfer_id=transfer_id, accept=False, detail=detail)


def delivered(size: int = 300 * MiB, digests: Hashes | None = RIGHT, **fields: Any) -> ReceiptReported:
    """A receiver has the file."""
    usual: dict[str, Any] = {"transfer_id": T, "outcome": "delivered", "bytes": size, "hash": digests}
    return ReceiptReported(**usual | fields)


def failed(**fields: Any) -> ReceiptReported:
    """A receiver could not store the file."""
    usual: dict[str, Any] = {"transfer_id": T, "outcome": "failed", "bytes": 0}
    return ReceiptReported(**usual | fields)


def defer(transfer_id: str = T) -> ConsentAnswered:
    """A receiver decides later."""
    return ConsentAnswered(transfer_id=transfer_id, accept=False, deferred=True)


def discarded(transfer_id: str = T) -> ReceiptReported:
    """Nothing is left at a receiver of what was cut off."""
    return ReceiptReported(transfer_id=transfer_id, outcome="discarded", bytes=0)


def invitation(offer: Offer, *receivers: str) -> ReceiversInvited:
    """Receivers are invited to what is offered."""
    return ReceiversInvited(offer=offer, receivers=list(receivers))


def reported(outcomes: list[Outcome]) -> TransferReported:
    """The one report, which goes to the session that waits for it."""
    assert whereto(outcomes, TransferReported) == [(ALICE, SESSION)]
    return one(outcomes, TransferReported)


def ends(report: TransferReported) -> dict[str, tuple[Receiver, Code | None]]:
    """The receivers' ends in a report."""
    return {receiver.address: (receiver.state, receiver.reason) for receiver in report.receivers}
