"""Offers for tests."""

from rollcast.messages.values import FileSelector, Hashes, Offer

TRANSFER = "0123456789abcdef" * 2
NO_HASH = Hashes(blake3="0" * 64)


def offer(
    *, name: str = "a.bin", size: int = 0, file_hash: Hashes = NO_HASH, expires_at: int = 2**50
) -> Offer:
    """An offer of alice's, in chunks of 64 KiB."""
    return Offer(
        transfer_id=TRANSFER,
        sender="alice@acme",
        file=FileSelector(name=name, size=size, hash=file_hash),
        chunk_size=65_536,
        created_at=0,
        consent_deadline=2**50,
        expires_at=expires_at,
    )
