"""Publishing with confirms: when `publish` returns, the broker has the message."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import tenacity
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractExchange
from aio_pika.exceptions import DeliveryError
from aiormq.exceptions import ChannelAccessRefused, ChannelPreconditionFailed, PublishError

from rollcast.broker.link import CONNECTION_LOST, Link, losses_named
from rollcast.broker.words import because
from rollcast.codec import CONTENT_TYPE
from rollcast.errors import BrokerRefused, BrokerUnavailable

CONFIRM_TIMEOUT = 30.0
CLOSE_TIMEOUT = 2.0
BLOCKED_CHECK = 5.0
"""Seconds after which a blocked connection is looked at: one that was lost stays blocked for ever."""
WINDOW = 256
"""The most messages that wait for their confirm at a time."""

Header = str | int
OnOpen = Callable[[AbstractChannel], Awaitable[None]]


async def _nothing(_: AbstractChannel) -> None:
    """What needs no preparation."""


class Publisher:
    """Publishes on one channel of a link, as the link's user. `on_open` prepares each new channel: replies to
    `amq.rabbitmq.reply-to` come back on the channel of the request only.

    A lost connection is made again, and what was not confirmed is published again, for `patience` seconds;
    a consumer must therefore expect a message twice. While the broker blocks the connection, it waits.
    """

    def __init__(
        self, link: Link, *, patience: float = 60.0, window: int = WINDOW, on_open: OnOpen = _nothing
    ) -> None:
        self._link = link
        self._on_open = on_open
        self._window = asyncio.Semaphore(window)
        self._opening = asyncio.Lock()
        self._channel: AbstractChannel | None = None
        self._exchanges: dict[str, AbstractExchange] = {}
        self._retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(BrokerUnavailable),
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=5),
            stop=tenacity.stop_after_delay(patience),
            reraise=True,
        )

    async def publish(
        self,
        exchange: str,
        key: str,
        body: bytes,
        *,
        headers: Mapping[str, Header] | None = None,
        persistent: bool = True,
        expires_ms: int | None = None,
        reply_to: str | None = None,
        correlation_id: str | None = None,
        content_type: str = CONTENT_TYPE,
        mandatory: bool = False,
    ) -> bool:
        """Publish and wait for the confirm. Returns whether a `mandatory` message reached a queue.

        Raises `BrokerRefused` if the user may not publish there, `BrokerUnavailable` if the broker stays away.
        """
        message = Message(
            body,
            headers=dict(headers or {}),
            user_id=self._link.user,
            content_type=content_type,
            delivery_mode=DeliveryMode.PERSISTENT if persistent else DeliveryMode.NOT_PERSISTENT,
            expiration=None if expires_ms is None else expires_ms / 1000,
            reply_to=reply_to,
            correlation_id=correlation_id,
        )
        async with self._window:
            return await self._retrying(self._attempt, exchange, key, message, mandatory)

    async def channel(self) -> AbstractChannel:
        """The channel that is published on, opened if need be."""
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                self._exchanges.clear()
                channel = await self._link.channel()
                await self._on_open(channel)
                self._channel = channel
            return self._channel

    async def close(self) -> None:
        """Give the channel back; a broker that does not confirm that is not waited for."""
        channel, self._channel = self._channel, None
        # Over a connection that has gone there is nothing to give back.
        with suppress(RuntimeError, *CONNECTION_LOST), losses_named():
            if channel is not None and not channel.is_closed:
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await channel.close()

    async def _attempt(self, exchange: str, key: str, message: Message, mandatory: bool) -> bool:
        # Two attempts under one message id can hang the confirms of a channel.
        message.message_id = None
        channel = await self.channel()
        try:
            with losses_named():
                await _unblocked(channel)
                target = await self._exchange(channel, exchange)
                await target.publish(message, key, mandatory=mandatory, timeout=CONFIRM_TIMEOUT)
        except PublishError:
            return False
        except (ChannelAccessRefused, ChannelPreconditionFailed) as error:
            refusal = f"the broker does not let {self._link.user} publish to {exchange} under {key}"
            raise BrokerRefused(because(refusal, error)) from error
        except (DeliveryError, *CONNECTION_LOST) as error:
            raise BrokerUnavailable(because(f"not confirmed by {self._link.place}", error)) from error
        return True

    async def _exchange(self, channel: AbstractChannel, name: str) -> AbstractExchange:
        if not name:
            return channel.default_exchange
        if name not in self._exchanges:
            self._exchanges[name] = await channel.get_exchange(name, ensure=False)
        return self._exchanges[name]


async def _unblocked(channel: AbstractChannel) -> None:
    """Wait while the broker blocks the connection, since no confirm can come then."""
    connection = (await channel.get_underlay_channel()).connection
    while not connection.is_closed:
        try:
            async with asyncio.timeout(BLOCKED_CHECK):
                return await connection.ready()
        except TimeoutError:
            continue
    raise ConnectionError("the connection was lost")
