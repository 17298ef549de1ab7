"""Handling what a consumer is given, and coming to an end with it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aio_pika.abc import AbstractIncomingMessage
from aiormq.exceptions import ChannelInvalidStateError

from rollcast.broker.link import CONNECTION_LOST, losses_named

logger = logging.getLogger(__name__)

Delivery = AbstractIncomingMessage

CLOSING_TIME = 5.0
"""Seconds that handlers have to finish."""


class Handlers:
    """Passes each delivery on to `handle`, until it is closed."""

    def __init__(self, handle: Callable[[Delivery], Awaitable[None]]) -> None:
        self._handle = handle
        self._running: set[asyncio.Task[None] | None] = set()
        self._closed = False

    async def take(self, delivery: Delivery) -> None:
        """Handle a delivery; one that comes after `close` stays with the broker."""
        if self._closed:
            return
        task = asyncio.current_task()
        self._running.add(task)
        try:
            await self._handle(delivery)
        finally:
            self._running.discard(task)

    async def close(self) -> None:
        """Wait for what is under way. To be called before the channel is closed: an acknowledgement on a closed
        channel makes the broker close the whole connection."""
        self._closed = True
        if running := [task for task in self._running if task is not None]:
            await asyncio.wait(running, timeout=CLOSING_TIME)


def is_stale(delivery: Delivery) -> bool:
    """Whether a delivery came through a channel that is closed: it comes again, and cannot be settled any more."""
    try:
        _ = delivery.channel
    except ChannelInvalidStateError:
        return True
    return False


async def acknowledge(delivery: Delivery) -> None:
    """Acknowledge a delivery. If the connection went before, it simply comes again."""
    try:
        with losses_named():
            await delivery.ack()
    except CONNECTION_LOST as error:
        logger.debug("not acknowledged: %s", error)


async def give_back(delivery: Delivery) -> None:
    """Put a delivery back into its queue. If the connection went before, it is there again anyway."""
    try:
        with losses_named():
            await delivery.nack(requeue=True)
    except CONNECTION_LOST as error:
        logger.debug("not given back: %s", error)
