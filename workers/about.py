"""What log lines say of the messages that they are about: which transfer, which attempt, from whom."""

from collections.abc import Iterable, Mapping
from typing import Any

from rollcast.addresses import is_transfer_id
from rollcast.codec import unpack
from rollcast.errors import InvalidMessage
from rollcast.messages import Message
from workers.envelope import Envelope

SHORT = 80
"""Characters of what is a word where all is well."""


def transfer_in(fields: Mapping[Any, Any]) -> str | None:
    """The transfer that the fields of a message name, whether or not the message is valid."""
    offer = fields.get("offer")
    found = fields.get("transfer_id", offer.get("transfer_id") if isinstance(offer, Mapping) else None)
    return found if isinstance(found, str) and is_transfer_id(found) else None


def transfer_of(message: Message) -> str | None:
    """The transfer that a message is about."""
    found = getattr(message, "transfer_id", None) or getattr(
        getattr(message, "offer", None), "transfer_id", None
    )
    return str(found) if found else None


def transfers(ids: Iterable[str | None]) -> dict[str, object]:
    """The field `transfer`; `transfers` if there are several, nothing if there is none."""
    found = sorted({one for one in ids if one})
    if len(found) > 1:
        return {"transfers": found}
    return {"transfer": found[0]} if found else {}


def failed(body: bytes, envelope: Envelope | None) -> dict[str, object]:
    """What is known of a message that could not be handled, and perhaps not be read. Attempts count from 1."""
    try:
        fields = unpack(body)
    except InvalidMessage:
        fields = {}
    return {
        "transfer": transfer_in(fields),
        "attempt": envelope.attempt + 1 if envelope else 1,
        "message": str(fields["type"])[:SHORT] if "type" in fields else None,
        "origin": envelope.user if envelope else None,
    }
