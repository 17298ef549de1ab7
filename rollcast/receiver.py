"""The receiving terminal."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import msgspec

from rollcast import messages as m
from rollcast.addresses import is_server_user
from rollcast.backoff import backoff
from rollcast.broker import Consumer, Delivery, acknowledge
from rollcast.codec import decode
from rollcast.credentials import Credentials
from rollcast.errors import BrokerRefused, FileUnusable, RollcastError
from rollcast.events import AnswerRefused, Ready, ReceiverEvent
from rollcast.messages.values import Capabilities
from rollcast.receiving.consent import Consent, Decide, Decision
from rollcast.receiving.deliveries import Deliveries
from rollcast.receiving.fetch import Surroundings
from rollcast.receiving.journals import IN_USE, Journals
from rollcast.registration import Registration
from rollcast.session import Session
from rollcast.tasks import Stream, Tasks

logger = logging.getLogger(__name__)

PREFETCH = 32
AT_START, LATER = 3.0, 180.0
"""Seconds for which a lost connection of our own may still hold the inbox: of a killed process, of this one. For the
first of them a process that is about to end may hold the folder."""


class Receiver:
    """Receives files into a folder, in the background; iterating yields what happens. Made by `connect`."""

    def __init__(
        self, session: Session, journals: Journals, decide: Decide, capabilities: Capabilities
    ) -> None:
        self._session = session
        self._journals = journals
        self._capabilities = capabilities
        self._events: Stream[ReceiverEvent] = Stream()
        self._tasks = Tasks(self._events)
        self._ready = asyncio.Event()
        self._registration = Registration(session, self._register, self._on_registered)
        around = Surroundings(
            session=session, registration=self._registration, journals=journals, events=self._events
        )
        self._consent = Consent(around, decide, self._tasks)
        self._deliveries = Deliveries(around, self._tasks)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        credentials: Credentials,
        *,
        into: Path,
        decide: Decide,
        capabilities: Capabilities | None = None,
    ) -> AsyncIterator["Receiver"]:
        """A receiver that is at work. `decide` is asked about each offer, on the event loop.

        Raises `FileUnusable` if `into` cannot be used (`folder_in_use` if another process receives into it),
        `BrokerRefused` (`already_receiving` if one receives for this address elsewhere), `BrokerUnavailable`.
        """
        journals = Journals(into, credentials.address)
        async with _held(journals), Session.open(credentials) as session:
            receiver = cls(session, journals, decide, capabilities or Capabilities())
            try:
                await receiver._start()
                yield receiver
            finally:
                await receiver._tasks.close()

    def __aiter__(self) -> "Receiver":
        return self

    async def __anext__(self) -> ReceiverEvent:
        return await self._events.get()

    def answer(self, transfer_id: str, decision: bool | Decision) -> None:
        """Decide about an offer that was deferred; counts until its transfer ends. Raises `KeyError`."""
        journal = self._journals.get(transfer_id)
        if journal is None:
            raise KeyError(transfer_id)
        self._consent.decide(journal, decision if isinstance(decision, Decision) else Decision(decision))

    async def _start(self) -> None:
        registered = await self._registration.renew()
        inbox = Consumer(
            self._session.inbound,
            registered.inbox,
            self._on_delivery,
            prefetch=PREFETCH,
            exclusive=True,
            prepare=self._registration.prepare,
        )
        consuming = self._tasks.spawn(self._consume(inbox))
        ready = self._tasks.spawn(_wait(inbox.ready))
        await asyncio.wait([consuming, ready], return_when=asyncio.FIRST_COMPLETED)
        if consuming.done():
            consuming.result()
        self._announce(registered)
        self._ready.set()

    async def _consume(self, inbox: Consumer) -> None:
        starts, deadline = 0, time.monotonic() + AT_START
        for wait in backoff(0.2, 5.0):
            try:
                await inbox.run()
            except BrokerRefused as error:
                if inbox.starts > starts:
                    starts, deadline = inbox.starts, time.monotonic() + LATER
                if error.code != "already_receiving" or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(wait)

    def _register(self) -> m.Register:
        capabilities = self._capabilities
        if capabilities.free_space is None:
            capabilities = msgspec.structs.replace(capabilities, free_space=self._journals.free_space())
        return m.Register(capabilities=capabilities)

    def _on_registered(self, registered: m.Registered) -> None:
        self._journals.prune(self._session.now())
        if self._ready.is_set():
            self._announce(registered)

    def _announce(self, registered: m.Registered) -> None:
        self._events.put(Ready(address=registered.address, limits=registered.limits))

    async def _on_delivery(self, delivery: Delivery) -> None:
        await self._ready.wait()
        try:
            if message := _understood(delivery):
                await self._hear(message)
        except Exception as error:
            # aio-pika would only log it, and the receiver would wait for ever.
            self._events.fail(error)
            return
        await acknowledge(delivery)

    async def _hear(self, message: m.Message) -> None:
        match message:
            case m.ConsentAsked():
                await self._consent.on_asked(message.offer)
            case m.LaneOpened():
                self._deliveries.on_opened(message)
            case m.TransferEnded():
                self._consent.withdraw(message.transfer_id)
                await self._deliveries.on_ended(message)
            case m.AnswerRefused():
                self._events.put(
                    AnswerRefused(
                        transfer_id=message.transfer_id, reason=message.reason, detail=message.detail
                    )
                )


@asynccontextmanager
async def _held(journals: Journals) -> AsyncIterator[None]:
    deadline = time.monotonic() + AT_START
    with ExitStack() as stack:
        for wait in backoff(0.2, 1.0):
            try:
                stack.enter_context(journals)
                break
            except FileUnusable as error:
                if error.code != IN_USE or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(wait)
        yield


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


def _understood(delivery: Delivery) -> m.Message | None:
    """The message in a delivery; None if it is no server's, or of a kind that this program does not know."""
    if not is_server_user(delivery.user_id or ""):
        return None
    try:
        return decode(delivery.body)
    except RollcastError as error:
        logger.warning("a message of the server is not understood: %s", error)
        return None
