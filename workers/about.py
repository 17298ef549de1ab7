"""What log lines say of the messages that they are about: which transfer, which attempt, from whom."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from rollcast.addresses import is_transfer_id
from rollcast.codec import unpack
from rollcast.errors import InvalidMessage
from rollcast.messages import Message
from workers.envelope import Envelope

SHORT = 80
"""Characters of what is a word where all is well."""
GLANCE = 4096
"""Bytes of a message that are looked through without decoding it."""
_TYPE = re.compile(rb"\xa4type(?:[\xa0-\xbf]|\xd9.)([A-Za-z]{1,60}/[0-9]{1,6})", re.DOTALL)
_TRANSFER = re.compile(rb"\xabtransfer_id\xd9\x20([0-9a-f]{32})")


def glimpsed(body: bytes) -> dict[str, str]:
    """The type and the transfer of a message, as far as its bytes show them.

    For what was set aside because workers died over it: decoding may be what they died of.
    """
    start = body[:GLANCE]
    found = {"type": _TYPE.search(start), "transfer_id": _TRANSFER.search(start)}
    return {name: match[1].decode() for name, match in found.items() if match}


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


def fields_of(body: bytes, *, decodable: bool) -> dict[Any, Any]:
    """The fields of what may or may not be a message; what can be seen of them where it must not be decoded."""
    if not decodable:
        return glimpsed(body)
    try:
        return unpack(body)
    except InvalidMessage:
        return {}


def failed(fields: Mapping[Any, Any], envelope: Envelope | None) -> dict[str, object]:
    """What is known of a message that could not be handled, and perhaps not be read. Attempts count from 1."""
    return {
        "transfer": transfer_in(fields),
        "attempt": envelope.attempt + 1 if envelope else 1,
        "message": str(fields["type"])[:SHORT] if "type" in fields else None,
        "origin": envelope.user if envelope else None,
    }
