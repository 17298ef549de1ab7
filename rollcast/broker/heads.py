"""Content headers that cannot be read: a text that is no UTF-8, a table in tables without end.

The broker passes on what any client wrote into them, and `aiormq` ends the connection over it, for all who share
it; the message then comes again, and again.
"""

from pamqp import header

FRAME_TYPE = 2
FIXED = 12
"""Bytes before the properties: class, weight, size of the body."""


def readable(frame: bytes) -> bytes:
    """The payload of a content header and the end of its frame; without the properties, if these cannot be read."""
    payload, end = frame[:-1], frame[-1:]
    try:
        header.ContentHeader().unmarshal(payload)
    except Exception:
        # What `pamqp` raises depends on what it stumbles over: any error means the same.
        return payload[:FIXED].ljust(len(payload), b"\0") + end
    return frame
