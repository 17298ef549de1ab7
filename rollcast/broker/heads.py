"""Content headers that cannot be read: a text that is no UTF-8, a table in tables without end.

The broker passes on what any client wrote into them, and `aiormq` ends the connection over it, for all who share
it; the message then comes again, and again.

Nor is a table believed that has a count of the broker twice. AMQP forbids it, RabbitMQ 3.10 lets it pass and writes
its own number into the first one, and `pamqp` reads the last one, which is the client's.
"""

from pamqp import header

FRAME_TYPE = 2
FIXED = 12
"""Bytes before the properties: class, weight, size of the body."""
COUNTS = (b"\x10x-delivery-count", b"\x10x-acquired-count")
"""Names of fields as they stand in a table, behind their length."""


def readable(frame: bytes) -> bytes:
    """The payload of a content header and the end of its frame; without the properties, if these cannot be read."""
    payload, end = frame[:-1], frame[-1:]
    return frame if _is_readable(payload) else payload[:FIXED].ljust(len(payload), b"\0") + end


def _is_readable(payload: bytes) -> bool:
    if any(payload.count(name) > 1 for name in COUNTS):
        return False
    try:
        header.ContentHeader().unmarshal(payload)
    except Exception:
        # What `pamqp` raises depends on what it stumbles over: any error means the same.
        return False
    return True
