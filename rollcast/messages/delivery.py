"""Messages of S290, S300 and of progress: the upload, the cast and its repair. Chunks are no messages."""

from typing import Annotated

from msgspec import Meta

from rollcast.messages.base import Message
from rollcast.messages.values import (
    Address,
    Bytes,
    Count,
    Hashes,
    Index,
    Ranges,
    ReceiverProgress,
    TransferId,
)

Progress = Annotated[list[ReceiverProgress], Meta(max_length=500)]


class UploadDue(Message, frozen=True, kw_only=True):
    """S290. See whether the sender can be invited to upload more."""

    transfer_id: TransferId


class UploadInvited(Message, frozen=True, kw_only=True):
    """To the sender: publish these chunks. Repeated for what did not arrive."""

    transfer_id: TransferId
    ranges: Ranges


class ChunksSpooled(Message, frozen=True, kw_only=True):
    """S290. The spool has `count` chunks more."""

    transfer_id: TransferId
    count: Count


class SpoolVerified(Message, frozen=True, kw_only=True):
    """S290. The whole spooled file has these digests."""

    transfer_id: TransferId
    hash: Hashes


class SourceDiffered(Message, frozen=True, kw_only=True):
    """S290. A chunk came again with another digest: the file changed while it was sent."""

    transfer_id: TransferId
    index: Index


class LanesMeasured(Message, frozen=True, kw_only=True):
    """S290. Whether lanes are so deep that the next piece has to wait for them."""

    transfer_id: TransferId
    deep: bool


class PaceDue(Message, frozen=True, kw_only=True):
    """S290. The lanes were deep a moment ago: measure them again."""

    transfer_id: TransferId


class UploadCompleted(Message, frozen=True, kw_only=True):
    """To the sender: the server has the whole file and needs the sender no longer."""

    transfer_id: TransferId


class CastEnded(Message, frozen=True, kw_only=True):
    """Into the lanes, behind the last chunk: whoever misses some may ask for them now."""

    transfer_id: TransferId


class ChunksMissing(Message, frozen=True, kw_only=True):
    """S300. A receiver misses these chunks, and `lacking` in all if that is more than one request may ask for."""

    transfer_id: TransferId
    ranges: Ranges
    lacking: Count = 0


class RepairDue(Message, frozen=True, kw_only=True):
    """S300, at the sender's server: a receiver, perhaps of a peer, misses these chunks, and `lacking` in all."""

    transfer_id: TransferId
    receiver: Address
    ranges: Ranges
    lacking: Count = 0


class ProgressReported(Message, frozen=True, kw_only=True):
    """A receiver has stored so many bytes."""

    transfer_id: TransferId
    bytes: Bytes


class ReceiversProgressed(Message, frozen=True, kw_only=True):
    """To the sender's server: how far these receivers are."""

    transfer_id: TransferId
    receivers: Progress


class ProgressSummarized(Message, frozen=True, kw_only=True):
    """To the sender, at most once a second: how far those receivers are that moved since the last summary."""

    transfer_id: TransferId
    receivers: Progress
