"""A lock: an exclusive queue. It goes with the connection that declared it, so no process that dies keeps it."""

import tenacity
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelLockedResource

from rollcast.broker import Link
from rollcast.topology import CLASSIC

LONGEST_PAUSE = 0.5
"""Seconds between two tries, at most."""


async def take(link: Link, name: str, patience: float) -> AbstractChannel:
    """Declare the queue, waiting `patience` seconds for whoever has it. Returns the channel that did so.

    Raises `ChannelLockedResource` if somebody has it still.
    """
    waiting = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(ChannelLockedResource),
        wait=tenacity.wait_random_exponential(multiplier=0.02, max=LONGEST_PAUSE),
        stop=tenacity.stop_after_delay(patience),
        reraise=True,
    )
    return await waiting(_try, link, name)


async def _try(link: Link, name: str) -> AbstractChannel:
    # A channel of its own each time: the refusal closes it.
    channel = await link.channel()
    await channel.declare_queue(name, exclusive=True, arguments=dict(CLASSIC))
    return channel
