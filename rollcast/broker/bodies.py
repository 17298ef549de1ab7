"""Bodies that are longer than whoever reads can use: their beginning is kept, and how long they were.

The broker passes on what it takes from any client, and a body is in memory before anybody can look at it. So what is
too long is let go frame by frame, as it comes.
"""

import struct
from dataclasses import dataclass

from aio_pika.abc import AbstractIncomingMessage
from pamqp import header
from pamqp.commands import Basic

HEADER, BODY = 2, 3
"""Types of frames."""
CUT = "rollcast-cut"
"""The header that says how many bytes a message had of which the beginning is kept."""
KEPT = 4096
"""Bytes."""
_FRAME = struct.Struct(">BHI")
FRAME_HEADER, FRAME_END = _FRAME.size, b"\xce"


def cut_from(delivery: AbstractIncomingMessage) -> int | None:
    """How many bytes a message had of which the beginning is here; None if it is whole."""
    size = delivery.headers.get(CUT)
    return size if type(size) is int and size > len(delivery.body) else None


def length_of(frame_header: bytes | memoryview) -> int:
    """Bytes of the whole frame that begins like this."""
    return FRAME_HEADER + int(_FRAME.unpack(frame_header)[2]) + len(FRAME_END)


@dataclass
class _Cut:
    """What is still to come of a body, and how much of that is to be kept, in bytes."""

    to_come: int
    to_keep: int = KEPT


class Bodies:
    """Cuts the bodies that have more than `longest` bytes. A body is a sequence of frames on its channel."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._cuts: dict[int, _Cut] = {}

    def concern(self, frame_type: int) -> bool:
        """Whether a frame of this type may have to be changed."""
        return frame_type == HEADER or (frame_type == BODY and bool(self._cuts))

    def passed_on(self, frame: bytes) -> bytes:
        """What is passed on of a whole content header or body frame: the same, another one, or nothing."""
        frame_type, channel, _ = _FRAME.unpack(frame[:FRAME_HEADER])
        payload = frame[FRAME_HEADER : -len(FRAME_END)]
        if frame_type == HEADER:
            return self._of_header(frame, channel, payload)
        return self._of_body(frame, channel, payload)

    def _of_header(self, frame: bytes, channel: int, payload: bytes) -> bytes:
        size = int.from_bytes(payload[4:12])
        self._cuts.pop(channel, None)
        if size <= self._longest:
            return frame
        self._cuts[channel] = _Cut(size)
        kept = header.ContentHeader(body_size=KEPT, properties=_properties(payload, size))
        return _framed(HEADER, channel, kept.marshal())

    def _of_body(self, frame: bytes, channel: int, payload: bytes) -> bytes:
        cut = self._cuts.get(channel)
        if cut is None:
            return frame
        kept = payload[: cut.to_keep]
        cut.to_keep -= len(kept)
        cut.to_come -= len(payload)
        if cut.to_come <= 0:
            del self._cuts[channel]
        return _framed(BODY, channel, kept) if kept else b""


def _properties(payload: bytes, size: int) -> Basic.Properties:
    """Who sent the message and who waits for an answer; nothing else that its sender wrote."""
    sent = header.ContentHeader()
    try:
        sent.unmarshal(payload)
    except Exception:
        # What `pamqp` raises depends on what it stumbles over: nobody is known to have sent it.
        sent = header.ContentHeader()
    known = sent.properties
    return Basic.Properties(
        user_id=known.user_id,
        reply_to=known.reply_to,
        correlation_id=known.correlation_id,
        headers={CUT: size},
    )


def _framed(frame_type: int, channel: int, payload: bytes) -> bytes:
    return _FRAME.pack(frame_type, channel, len(payload)) + payload + FRAME_END
