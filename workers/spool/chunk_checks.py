"""What the spool takes: the chunks of transfers that go on, from those who may upload them."""

import asyncio
from dataclasses import dataclass

from rollcast.addresses import is_server_user
from rollcast.broker import Delivery
from rollcast.chunks import Drop, Label, Layout, digest_of

UNKNOWN_TRANSFER, ENDED, FAULT = "unknown_transfer", "transfer_ended", "internal_error"
"""There is none; it ended before all of its upload was stored; it could not be handled, by a fault of ours."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Who may upload the chunks of a transfer, how they lie, and whether it has ended."""

    sender: str
    layout: Layout
    ended: bool


async def fault(delivery: Delivery, label: Label | None, upload: Upload | None) -> str | None:
    """Why a chunk is dropped; None if it is right."""
    if label is None or upload is None:
        return UNKNOWN_TRANSFER
    user = delivery.user_id or ""
    if user != upload.sender and not is_server_user(user):
        return Drop.WRONG_USER
    if delivery.routing_key != f"{upload.sender}.{label.transfer_id}":
        return Drop.WRONG_TRANSFER
    if upload.ended:
        return ENDED
    misfit = upload.layout.misfit(label.index, len(delivery.body))
    if misfit is not None:
        return misfit
    digest = await asyncio.to_thread(digest_of, delivery.body)
    return None if digest == label.digest else Drop.WRONG_DIGEST
