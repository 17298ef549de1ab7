"""The values that tell operators how a server does."""

from typing import Annotated

from msgspec import Meta

from rollcast.messages.values import Bytes, Count, ReceiverStatus, Text, TransferId, Value
from rollcast.states import Transfer

PerSecond = Annotated[float, Meta(ge=0, le=1e9, description="messages a second")]


class TransferCount(Value, frozen=True, kw_only=True):
    """How many transfers are in a state."""

    state: Transfer
    number: Count


class QueueFigures(Value, frozen=True, kw_only=True):
    """One of a server's queues, as the broker counted a few seconds ago; rates where it knows them."""

    name: Text
    ready: Count
    unacknowledged: Count
    consumers: Count
    rate_in: PerSecond | None = None
    rate_out: PerSecond | None = None


class BrokerFigures(Value, frozen=True, kw_only=True):
    """What the broker uses and has, in bytes, over all its nodes; `full` says why it takes no more, if so.

    If its management collects no figures it is not `measured`: the bytes are 0, and so is what is unacknowledged in
    its queues.
    """

    version: Text
    memory: Count
    memory_limit: Count
    disk_free: Count
    full: Text | None = None
    measured: bool = True


class SpoolFigures(Value, frozen=True, kw_only=True):
    """Bytes that are reserved in the spool, that may be, and that its disk has free, where that is known."""

    reserved: Count
    quota: Count
    free: Count | None = None


class Straggler(Value, frozen=True, kw_only=True):
    """A receiver that others are ahead of, or that stands still; `size` is that of the file."""

    transfer_id: TransferId
    size: Bytes
    receiver: ReceiverStatus


class Finding(Value, frozen=True, kw_only=True):
    """What was looked at, whether it is as it should be, what was found, and what to do about it."""

    subject: Text
    ok: bool
    detail: Text
    remedy: Text | None = None
