"""A consumer that comes back when its connection, its channel or its queue was lost."""

import asyncio
import functools
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import tenacity
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelClosed,
    ChannelNotFoundEntity,
    ConnectionInternalError,
)

from rollcast.broker.handlers import Delivery, Handlers
from rollcast.broker.link import CONNECTION_LOST, Link, losses_named
from rollcast.broker.words import because
from rollcast.errors import BrokerRefused, BrokerUnavailable

T = TypeVar("T")

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT = 2.0
"""Seconds that a broker may take to confirm a close; the end of the connection does the same."""

BEGUN_WITHIN = 15.0
"""Seconds that a broker may take to let us consume a queue that is there."""
BROKEN_FOR = 10.0
"""Seconds for which a broker may fail over a queue before something is done about it."""

Prepare = Callable[[], Awaitable[None]]


class NotBegun(Exception):
    """The broker does not answer whoever wants to consume: it fails over the queue, and does not say so."""


async def begun(consuming: Awaitable[T]) -> T:
    """Wait until the broker lets us consume. Raises `NotBegun` if it does not answer."""
    try:
        async with asyncio.timeout(BEGUN_WITHIN) as limit:
            return await consuming
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise NotBegun(f"no answer within {BEGUN_WITHIN:.0f} s") from error


async def _nothing() -> None:
    """What needs no preparation."""


class Consumer:
    """Consumes a queue and hands each delivery to `on_delivery`, which settles it.

    `prepare` runs before each (re)start and sees to it that the queue is there; `mend` when the broker has failed
    over the queue for a while. `prefetch` bounds how many deliveries are being handled at a time. `starts` counts
    how often consuming has begun.
    """

    def __init__(
        self,
        link: Link,
        queue: str,
        on_delivery: Callable[[Delivery], Awaitable[Any]],
        *,
        prefetch: int,
        exclusive: bool = False,
        prepare: Prepare = _nothing,
        mend: Prepare = _nothing,
    ) -> None:
        self._link = link
        self._queue = queue
        self._on_delivery = on_delivery
        self._prefetch = prefetch
        self._exclusive = exclusive
        self._prepare = prepare
        self._mend = mend
        self._broken_since: float | None = None
        self._channel: AbstractChannel | None = None
        self._cancel: Callable[[], Awaitable[object]] | None = None
        self._stopping = False
        self.ready = asyncio.Event()
        self.starts = 0

    async def run(self) -> None:
        """Consume until cancelled or stopped. Raises `BrokerRefused` when the broker will never let us."""
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(BrokerUnavailable),
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=10),
            before_sleep=self._log_loss,
        )
        while not self._stopping:
            await retrying(self._consume)

    async def stop(self) -> None:
        """Take no more deliveries; those under way can still be settled until `close`."""
        self._stopping = True
        if self._cancel is not None and self._channel is not None and not self._channel.is_closed:
            # Nothing comes over a connection that has gone.
            with suppress(*CONNECTION_LOST), losses_named():
                await self._cancel()

    async def close(self) -> None:
        """Give back to the queue what was not settled."""
        if self._channel is None or self._channel.is_closed:
            return
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._channel.close()
        except TimeoutError:
            logger.debug("the broker does not confirm that the channel of %s is closed", self._queue)

    async def _consume(self) -> None:
        if (task := asyncio.current_task()) is not None and task.cancelling():
            # aiormq swallows a cancellation that comes while it closes a channel.
            raise asyncio.CancelledError
        if self._stopping:
            return
        await self._prepare()
        self._channel = await self._link.channel(prefetch=self._prefetch)
        lost = asyncio.Event()
        handlers = Handlers(self._on_delivery)
        try:
            with losses_named():
                underlay = await self._channel.get_underlay_channel()
                underlay.on_consumer_cancel_callbacks.add(lambda _: lost.set())
                self._channel.close_callbacks.add(lambda *_: lost.set())
                queue = await self._channel.get_queue(self._queue, ensure=False)
                tag = await begun(queue.consume(handlers.take, exclusive=self._exclusive))
            self._cancel = functools.partial(queue.cancel, tag)
            self.starts += 1
            self._broken_since = None
            self.ready.set()
            if self.starts > 1:
                logger.info("consumes %s again", self._queue)
            await lost.wait()
        except ChannelAccessRefused as error:
            raise self._refused(error) from error
        except (ConnectionInternalError, NotBegun) as error:
            await self._note_broken()
            raise BrokerUnavailable(because(f"the broker fails over {self._queue}", error)) from error
        except (ChannelNotFoundEntity, ChannelClosed, *CONNECTION_LOST) as error:
            raise BrokerUnavailable(because(f"cannot consume {self._queue}", error)) from error
        finally:
            self.ready.clear()
            if not self._channel.is_closed:
                await handlers.close()
            await self.close()

    async def _note_broken(self) -> None:
        now = time.monotonic()
        self._broken_since = self._broken_since or now
        if now - self._broken_since > BROKEN_FOR:
            self._broken_since = None
            await self._mend()

    def _refused(self, error: Exception) -> BrokerRefused:
        if "exclusive" in str(error):
            return BrokerRefused(
                f"{self._queue} is consumed by another process already",
                code="already_receiving",
                hint="Stop the other one; after a crash the broker takes up to two minutes to notice.",
            )
        return BrokerRefused(
            because(f"the broker does not let {self._link.user} consume {self._queue}", error)
        )

    def _log_loss(self, state: tenacity.RetryCallState) -> None:
        if self._link.is_told:
            return
        error = state.outcome.exception() if state.outcome else None
        told = {"attempt": state.attempt_number, "next_try_s": round(state.upcoming_sleep, 1)}
        logger.warning("%s; trying again", error, extra={"queue": self._queue, **told})
