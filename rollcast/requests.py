"""Requests to a server, answered by direct reply-to."""

import asyncio
import logging
import math
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from rollcast.backoff import backoff
from rollcast.broker import Link, Publisher
from rollcast.broker.link import CONNECTION_LOST, losses_named
from rollcast.broker.words import because
from rollcast.codec import decode, encode
from rollcast.errors import BrokerUnavailable, InvalidMessage, RequestRefused
from rollcast.messages import Message, Refused
from rollcast.reasons import Code
from rollcast.topology import REPLY_TO, domain_of_key

M = TypeVar("M", bound=Message)

logger = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 5.0, 60.0
"""Seconds without a reply after which a request is published again, at first and at the most."""
LOOK_EVERY = 0.5
"""Seconds between two looks whether the broker blocks a connection."""


class Requester:
    """Publishes messages on a link, for as long as it takes, and brings their replies together with them."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._publisher = Publisher(link, patience=math.inf, on_open=self._listen)
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._silent: set[str] = set()
        self._too_many: Refused | None = None

    async def open(self) -> None:
        """Connect now. Raises `BrokerUnavailable` or `BrokerRefused` at once, where later calls would wait."""
        await self._publisher.channel()

    async def tell(self, exchange: str, key: str, message: Message, *, persistent: bool = True) -> None:
        """Publish a message that has no reply."""
        await self._publisher.publish(exchange, key, encode(message), persistent=persistent)

    async def request(
        self, exchange: str, key: str, message: Message, expect: type[M], within: float, *, hold: bool = False
    ) -> M:
        """Publish a message until it is answered, and return the answer.

        Raises `RequestRefused` if the server refuses, or turns us away for all of the time, since we say too much;
        `BrokerUnavailable` after `within` seconds of silence; `InvalidMessage` for what a server could not read: it
        would park it and answer nothing. With `hold` the time for which the broker blocks the connection does not
        count.
        """
        body = encode(message)
        decode(body)
        correlation_id = secrets.token_hex(16)
        reply = self._waiting[correlation_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(within) as limit, self._held(limit, hold=hold):
                answer = await self._ask(exchange, key, body, correlation_id, reply)
        except TimeoutError as error:
            if self._too_many is not None:
                raise _refusal(self._too_many) from error
            raise await self._unanswered(domain_of_key(key), within) from error
        finally:
            del self._waiting[correlation_id]
        self._silent.discard(domain_of_key(key))
        return _expected(answer, expect)

    async def _ask(
        self, exchange: str, key: str, body: bytes, correlation_id: str, reply: asyncio.Future[Message]
    ) -> Message:
        for patience in backoff(FIRST_WAIT, LONGEST_WAIT):
            await self._publisher.publish(
                exchange, key, body, reply_to=REPLY_TO, correlation_id=correlation_id
            )
            await asyncio.wait([reply], timeout=patience)
            if reply.done():
                break
            await self._note_silence(domain_of_key(key))
        return reply.result()

    async def _note_silence(self, domain: str) -> None:
        """Say once that a server does not answer, if it could have."""
        if domain not in self._silent and self._link.is_open and not await self._link.blocked():
            self._silent.add(domain)
            logger.warning("no answer yet from the server of %s; waiting", domain)

    @asynccontextmanager
    async def _held(self, limit: asyncio.Timeout, *, hold: bool) -> AsyncIterator[None]:
        extending = asyncio.create_task(self._extend(limit)) if hold else None
        try:
            yield
        finally:
            if extending is not None:
                extending.cancel()

    async def _extend(self, limit: asyncio.Timeout) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if await self._link.blocked() and (end := limit.when()) is not None and not limit.expired():
                limit.reschedule(end + LOOK_EVERY)

    async def _unanswered(self, domain: str, within: float) -> BrokerUnavailable:
        if self._link.absence is not None:
            return self._link.absence
        if await self._link.blocked():
            return BrokerUnavailable(
                f"the broker at {self._link.place} takes nothing at present: it is low on memory or disk",
                code="broker_blocked",
                hint="Try again later.",
            )
        return BrokerUnavailable(
            f"the server of {domain} did not answer through {self._link.place} within {within:.0f} s",
            code="server_silent",
            hint=f"Check that the workers of {domain} run; if they do, see their /readyz and log.",
        )

    async def _listen(self, channel: AbstractChannel) -> None:
        try:
            with losses_named():
                replies = await channel.get_queue(REPLY_TO, ensure=False)
                await replies.consume(self._on_reply, no_ack=True)
        except CONNECTION_LOST as error:
            raise BrokerUnavailable(because(f"lost the broker at {self._link.place}", error)) from error

    async def _on_reply(self, delivery: AbstractIncomingMessage) -> None:
        reply = self._waiting.get(delivery.correlation_id or "")
        if reply is None or reply.done():
            return
        try:
            answer = decode(delivery.body)
        except InvalidMessage as error:
            reply.set_exception(error)
            return
        if isinstance(answer, Refused) and answer.reason == Code.TOO_MANY:
            # The message was not looked at: it is published again after the usual wait.
            self._too_many = answer
            return
        self._too_many = None
        reply.set_result(answer)


def _refusal(answer: Refused) -> RequestRefused:
    return RequestRefused(answer.detail, hint=answer.hint, code=answer.reason)


def _expected(answer: Message, expect: type[M]) -> M:
    if isinstance(answer, Refused):
        raise _refusal(answer)
    if not isinstance(answer, expect):
        raise InvalidMessage(f"the server answered with {type(answer).__name__} instead of {expect.__name__}")
    return answer
