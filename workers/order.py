"""The order in which a batch is handled: by transfer, and the sender's half before the receivers' half.

Each message locks the transfer, or the account, that it is about. Two workers that locked the same ones in other
orders would wait for each other in a circle, which PostgreSQL ends after a second, at the cost of one of them.
"""

from collections.abc import Sequence

from rollcast.messages import ChunksMissing, ReceiptReported, TransferClosed
from workers.work import Received

AT_THE_RECEIVERS = ReceiptReported | TransferClosed | ChunksMissing
"""What steps that work on both halves hear as the receivers' server."""


def in_order(batch: Sequence[Received]) -> list[Received]:
    """The batch by what its messages lock; those that lock the same stay as they came."""
    return sorted(batch, key=_locks)


def _locks(received: Received) -> tuple[bool, str]:
    message = received.message
    transfer_id = getattr(getattr(message, "offer", message), "transfer_id", None)
    account = getattr(message, "address", received.origin)
    return isinstance(message, AT_THE_RECEIVERS), transfer_id or account
