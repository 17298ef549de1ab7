"""What the server says to a sender's process: it goes to whoever waits for news of that transfer."""

import asyncio
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rollcast.broker import Consumer, Delivery, acknowledge
from rollcast.codec import decode
from rollcast.errors import RollcastError
from rollcast.messages import Message, Register, TransferReported
from rollcast.registration import Registration
from rollcast.session import Session

logger = logging.getLogger(__name__)

PREFETCH = 32


class Hearer(Protocol):
    """Waits for news of one transfer."""

    def hear(self, message: Message) -> None:
        """Take a message of the server that is about it."""

    def fail(self, error: BaseException) -> None:
        """Nothing can be heard any more."""


class Mailbox:
    """The inbox of this process, read from the first transfer on."""

    def __init__(self, session: Session) -> None:
        self.session_id = secrets.token_hex(16)
        self._session = session
        self._registration = Registration(session, lambda: Register(session=self.session_id), lambda _: None)
        self._hearers: dict[str, Hearer] = {}
        self._opening = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None

    @contextmanager
    def waiting(self, transfer_id: str, hearer: Hearer) -> Iterator[None]:
        """Let `hearer` have what comes about a transfer."""
        self._hearers[transfer_id] = hearer
        try:
            yield
        finally:
            del self._hearers[transfer_id]

    async def open(self) -> None:
        """Read from now on, unless that is so. Raises `RequestRefused`, `BrokerUnavailable`."""
        async with self._opening:
            if self._reading is None or self._reading.done():
                queue = (await self._registration.renew()).session_inbox
                assert queue is not None
                self._reading = asyncio.create_task(self._read(queue))

    async def close(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def take(self, delivery: Delivery) -> None:
        """Give a message to whoever waits for it; nobody may, and what is not understood is told and done with."""
        try:
            self._pass_on(decode(delivery.body))
        except RollcastError as error:
            logger.warning("a message of the server is not understood: %s", error)
        await acknowledge(delivery)

    async def _read(self, queue: str) -> None:
        prepare = self._registration.prepare
        inbox = Consumer(self._session.inbound, queue, self.take, prefetch=PREFETCH, prepare=prepare)
        try:
            await inbox.run()
        except Exception as error:
            if not self._hearers:
                logger.warning("nothing can be heard of the server any more: %s", error)
            for hearer in self._hearers.values():
                hearer.fail(error)

    def _pass_on(self, message: Message) -> None:
        about = message.transfer if isinstance(message, TransferReported) else message
        if hearer := self._hearers.get(getattr(about, "transfer_id", "")):
            hearer.hear(message)
