"""Offers for tests."""

from rollcast.messages.values import FileSelector, Hashes, Offer
from tests.people import ALICE

TRANSFER = "0123456789abcdef" * 2
NO_HASH = Hashes(blake3="0" * 64)
FAR_AWAY = 2**52
"""An instant in the year 2112."""


def offer(
    *, name: str = "a.bin", size: int = 0, file_hash: Hashes = NO_HASH, expires_at: int = FAR_AWAY
) -> Offer:
    """An offer of alice's, in chunks of 64 KiB."""
    return Offer(
        transfer_id=TRANSFER,
        sender=ALICE,
        file=FileSelector(name=name, size=size, hash=file_hash),
        chunk_size=65_536,
        created_at=0,
        consent_deadline=FAR_AWAY,
        expires_at=expires_at,
    )
