"""Messages to bytes and back. Decoding trusts nothing and raises only what callers expect."""

import re
from typing import Any

import msgpack
import msgspec

from rollcast.errors import InvalidMessage, Transient
from rollcast.messages import MESSAGES, Message
from rollcast.messages.base import VERSION

CONTENT_TYPE = "application/vnd.rollcast+msgpack"
MAX_MESSAGE_SIZE = 1024 * 1024
"""Bytes; a control message of 500 receivers with all their details stays below it."""

_UNDECODABLE = (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException)


def encode(message: Message) -> bytes:
    """The msgpack form of a message."""
    return bytes(msgpack.packb(msgspec.to_builtins(message)))


def decode(body: bytes) -> Message:
    """The message in `body`.

    Raises `InvalidMessage` if there is none, `Transient` if it is of a newer version than this program knows.
    """
    fields = unpack(body)
    tag = fields.get("type")
    kind = MESSAGES.get(tag) if isinstance(tag, str) else None
    if kind is None:
        raise _unknown(tag)
    try:
        return msgspec.convert(fields, kind, strict=True)
    except (msgspec.ValidationError, *_UNDECODABLE) as error:
        raise InvalidMessage(f"{tag}: {error}") from error


def unpack(body: bytes) -> dict[Any, Any]:
    """The fields of what may or may not be a message. Raises `InvalidMessage` if there are none."""
    if len(body) > MAX_MESSAGE_SIZE:
        raise InvalidMessage(f"{len(body)} bytes are more than a message may have ({MAX_MESSAGE_SIZE})")
    try:
        fields = msgpack.unpackb(body, strict_map_key=False)
    except _UNDECODABLE as error:
        raise InvalidMessage(f"not msgpack: {error or type(error).__name__}") from error
    if not isinstance(fields, dict):
        raise InvalidMessage("not a msgpack map")
    return fields


def _unknown(tag: object) -> Exception:
    text = str(tag)[:80]
    name, _, version = text.partition("/")
    if re.fullmatch("[1-9][0-9]{0,5}", version) and f"{name}/{VERSION}" in MESSAGES:
        return Transient(f"{text} is newer than this program; upgrade the workers", code="newer_version")
    return InvalidMessage(f"unknown message type {text!r}")
