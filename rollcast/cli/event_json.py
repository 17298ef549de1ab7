"""What happens to a receiver, as the JSON lines of `receive --json`."""

from typing import Any

import msgspec

from rollcast.events import (
    Answered,
    AnswerRefused,
    Asked,
    Delivered,
    Ended,
    Failed,
    Opened,
    Ready,
    ReceiverEvent,
    Stored,
)
from rollcast.messages.values import Offer
from rollcast.report import file_json, instant


def event_json(event: ReceiverEvent) -> dict[str, Any]:
    """The document of one event: its name in `event`, the transfer, and what belongs to it."""
    name = {"event": _name(event)}
    if isinstance(event, Ready):
        return name | {"address": event.address, "limits": msgspec.to_builtins(event.limits)}
    return name | {"transfer_id": event.transfer_id} | _details(event)


def _name(event: ReceiverEvent) -> str:
    return "answer_refused" if isinstance(event, AnswerRefused) else type(event).__name__.lower()


def _details(event: ReceiverEvent) -> dict[str, Any]:
    match event:
        case Asked() | Opened():
            return _offer(event.offer)
        case Answered():
            return _offer(event.offer) | {"accept": event.accept, "deferred": event.deferred}
        case AnswerRefused():
            return {"reason": event.reason, "detail": event.detail}
        case Stored():
            return {"bytes": event.bytes, "size": event.size}
        case Delivered():
            return _offer(event.offer) | {
                "path": str(event.path),
                "stored_as": event.path.name,
                "recorded": event.recorded,
            }
        case Failed():
            return _offer(event.offer) | {"detail": event.detail}
        case Ended():
            return _offer(event.offer) | {"state": event.state, "reason": event.reason}
        case Ready():
            return {}


def _offer(offer: Offer) -> dict[str, Any]:
    return {
        "sender": offer.sender,
        "file": file_json(offer.file),
        "consent_deadline": instant(offer.consent_deadline),
        "expires_at": instant(offer.expires_at),
    }
