"""The sending terminal."""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Literal

from rollcast import topology
from rollcast.broker import Consumer, Delivery, acknowledge
from rollcast.codec import decode
from rollcast.credentials import Credentials
from rollcast.errors import RollcastError
from rollcast.events import SenderEvent
from rollcast.messages import Message, Register, TransferReported
from rollcast.messages.values import TransferStatus
from rollcast.outgoing import Outgoing
from rollcast.queries import describe, list_all
from rollcast.registration import Registration
from rollcast.report import Report
from rollcast.request import Wish, new_transfer_id, parts
from rollcast.session import Session
from rollcast.source import Source
from rollcast.tasks import Stream, Tasks

logger = logging.getLogger(__name__)

PREFETCH = 32


class Sender:
    """Sends files and asks how they stand. Made by `connect`; several files can be sent at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._id = secrets.token_hex(16)
        self._registration = Registration(session, lambda: Register(session=self._id), lambda _: None)
        self._sending: dict[str, Outgoing] = {}
        self._failures: Stream[None] = Stream()
        self._tasks = Tasks(self._failures)
        self._opening = asyncio.Lock()
        self._inbox: Consumer | None = None

    @classmethod
    @asynccontextmanager
    async def connect(cls, credentials: Credentials) -> AsyncIterator["Sender"]:
        """A sender with a connection. Raises `BrokerRefused`, `BrokerUnavailable`."""
        async with Session.open(credentials) as session:
            sender = cls(session)
            try:
                yield sender
            finally:
                await sender._tasks.close()

    async def send(
        self,
        file: Path,
        recipients: Iterable[str],
        *,
        list_policy: str = "subset",
        consent_timeout: float = 60.0,
        expires: float = 86_400.0,
        upload: Literal["live", "eager"] = "live",
        dry_run: bool = False,
        detach: bool = False,
        sha256: bool = False,
        chunk_size: int = topology.MiB,
        transfer_id: str | None = None,
        type: str | None = None,
    ) -> AsyncGenerator[SenderEvent, None]:
        """Send a file, and yield what happens up to the report, or with `detach` until the server has the file.

        Durations in seconds, `chunk_size` in bytes. `detach` means an eager upload. Raises `FileUnusable`,
        `InvalidMessage`, `TransferRefusedError`, `BrokerRefused`, `BrokerUnavailable`.
        """
        wish = Wish(
            transfer_id=transfer_id or new_transfer_id(),
            recipients=tuple(recipients),
            list_policy=list_policy,
            consent_timeout=consent_timeout,
            expires=expires,
            upload="eager" if detach else upload,
            dry_run=dry_run,
            chunk_size=chunk_size,
            type=type,
        )
        source = await Source.open(file, sha256=sha256)
        try:
            async with aclosing(self._deliver(wish, source, detach=detach)) as events:
                async for event in events:
                    yield event
        finally:
            source.close()

    async def status(self, transfer_id: str) -> Report:
        """How a transfer stands. Raises `RequestRefused` if this sender has none of that id."""
        return await describe(self._session.request, transfer_id)

    async def list(self) -> list[TransferStatus]:
        """All transfers of this sender that the server remembers, newest first."""
        return await list_all(self._session.request)

    async def _deliver(
        self, wish: Wish, source: Source, *, detach: bool
    ) -> AsyncGenerator[SenderEvent, None]:
        outgoing = Outgoing(self._session, source, parts(wish, self._id, source), detach=detach)
        self._sending[outgoing.transfer_id] = outgoing
        try:
            await self._listen()
            async with aclosing(outgoing.events()) as events:
                async for event in events:
                    yield event
        finally:
            del self._sending[outgoing.transfer_id]

    async def _listen(self) -> None:
        """Consume the inbox of this process, from the first file on."""
        async with self._opening:
            if self._inbox is None:
                queue = (await self._registration.renew()).session_inbox
                assert queue is not None
                self._inbox = Consumer(
                    self._session.inbound,
                    queue,
                    self._on_delivery,
                    prefetch=PREFETCH,
                    prepare=self._registration.prepare,
                )
                self._tasks.spawn(self._consume(self._inbox))

    async def _consume(self, inbox: Consumer) -> None:
        try:
            await inbox.run()
        except RollcastError as error:
            self._inbox = None
            for outgoing in self._sending.values():
                outgoing.fail(error)

    async def _on_delivery(self, delivery: Delivery) -> None:
        try:
            self._hear(decode(delivery.body))
        except RollcastError as error:
            logger.warning("a message of the server is not understood: %s", error)
        await acknowledge(delivery)

    def _hear(self, message: Message) -> None:
        if isinstance(message, TransferReported):
            transfer_id = message.transfer.transfer_id
        else:
            transfer_id = getattr(message, "transfer_id", "")
        if outgoing := self._sending.get(transfer_id):
            outgoing.hear(message)
