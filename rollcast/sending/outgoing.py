"""One transfer as its sender sees it: the request, the upload, the report."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress

from rollcast import messages as m
from rollcast.backoff import Silence, backoff
from rollcast.chunks import Layout
from rollcast.errors import BrokerUnavailable, TransferRefusedError
from rollcast.events import (
    Accepted,
    Held,
    Paused,
    Progressed,
    Reported,
    Resumed,
    SenderEvent,
    Uploaded,
    UploadProgressed,
    UploadStarted,
)
from rollcast.messages.values import MAX_TEXT
from rollcast.queries import complete
from rollcast.report import Report
from rollcast.requests import LOOK_EVERY
from rollcast.sending.resolution import Resolution
from rollcast.sending.upload import Content, Upload
from rollcast.session import Session
from rollcast.tasks import Stream, Tasks

UNHEARD_WAITS = (1.0, 2.0, 4.0)
"""Seconds after which a request that nobody has answered is repeated."""
FIRST_WAIT, LONGEST_WAIT = 5.0, 60.0
"""Seconds of silence after which an accepted request is repeated, at first and at the most."""
GRACE = 120.0
"""Seconds that a report may be late: a transfer ends by its expiry and a minute."""
UPLOAD_TOLD_EVERY = 1.0
"""Seconds."""
CHANGE_REPORTED_WITHIN = 90.0
"""Seconds to wait for the report after the source has changed; the receivers have a minute of these to confirm."""


_News = m.Message | Paused | Resumed | UploadProgressed


class Outgoing:
    """Sends one file. `hear` takes what the server says; `events` yields what it means, up to the report.

    `listen` sees to it that the server can be heard, before it is asked. `known` is how a transfer stands that
    another process has begun.
    """

    def __init__(
        self,
        session: Session,
        source: Content,
        parts: Sequence[m.TransferRequested],
        *,
        listen: Callable[[], Awaitable[None]],
        detach: bool,
        known: Report | None = None,
    ) -> None:
        self._session = session
        self._parts = parts
        self._listen = listen
        self._detach = detach
        self._known = known
        self._heard: Stream[_News] = Stream()
        self._tasks = Tasks(self._heard)
        request = parts[0]
        self.transfer_id = request.transfer_id
        self._lifetime = request.expires / 1000
        layout = Layout(source.size, request.chunk_size)
        self._upload = Upload(session.bulk, self.transfer_id, source, layout, self._tasks)
        self._resolution = Resolution(self.transfer_id)
        self._accepted: Accepted | None = None
        self._taken = asyncio.Event()
        self._paused = False
        self._pause = Silence()
        self._held: Held | None = None
        self._uploaded = False
        self._bytes: dict[str, int] = {}
        self._silence = Silence()
        self._news = asyncio.Event()
        self._done = False
        self._requested = False

    @property
    def abandoned(self) -> bool:
        """Whether the server may have been asked, and was not heard of."""
        return self._requested and self._accepted is None and not self._done

    def hear(self, message: m.Message) -> None:
        """Take a message of the server that is about this transfer."""
        self._silence.end()
        if not isinstance(message, m.TransferAccepted):
            self._news.set()
        self._heard.put(message)

    def fail(self, error: BaseException) -> None:
        """Let `events` fail: nothing can be heard any more."""
        self._heard.fail(error)

    async def events(self) -> AsyncGenerator[SenderEvent, None]:
        """All that happens. Raises `TransferRefusedError`, `FileUnusable`, `BrokerUnavailable`."""
        for work in (
            self._repeat(),
            self._expire(),
            self._take_back(),
            self._watch(),
            self._tell_upload(),
        ):
            self._tasks.spawn(work)
        try:
            if self._known is not None:
                for resolved in self._resolution.know(self._known):
                    yield resolved
            while not self._done:
                for event in await self._understand(await self._heard.get()):
                    yield event
        finally:
            await self._tasks.close()
            await self._upload.close()

    async def _understand(self, message: "_News") -> Sequence[SenderEvent]:
        match message:
            case Paused() | Resumed() | UploadProgressed():
                return [message]
            case m.TransferAccepted():
                return self._on_accepted(message)
            case m.TransferHeld():
                return self._on_held(message)
            case m.TransferRefused():
                raise TransferRefusedError(message.detail, hint=message.hint, code=message.reason)
            case m.ReceiverListResolved():
                return self._resolution.add(message)
            case m.UploadInvited():
                return self._on_invited(message)
            case m.UploadCompleted():
                return self._on_uploaded()
            case m.ProgressSummarized():
                return self._on_progress(message)
            case m.TransferReported():
                return await self._on_reported(message)
            case _:
                return ()

    def _on_accepted(self, message: m.TransferAccepted) -> Sequence[SenderEvent]:
        accepted = Accepted(
            transfer_id=self.transfer_id,
            state=message.state,
            created_at=message.created_at,
            consent_deadline=message.consent_deadline,
            expires_at=message.expires_at,
            recipients=message.recipients,
        )
        events: list[SenderEvent] = [] if accepted == self._accepted else [accepted]
        self._accepted = accepted
        self._taken.set()
        return [*events, *(self._on_uploaded() if message.uploaded else ())]

    def _on_held(self, message: m.TransferHeld) -> Sequence[SenderEvent]:
        held = Held(transfer_id=self.transfer_id, reason=message.reason, detail=message.detail)
        if held == self._held:
            return ()
        self._held = held
        return [held]

    def _on_invited(self, message: m.UploadInvited) -> Sequence[SenderEvent]:
        first = not self._upload.started
        self._upload.invite(message.ranges)
        return [UploadStarted(transfer_id=self.transfer_id)] if first else ()

    def _on_uploaded(self) -> Sequence[SenderEvent]:
        if self._uploaded:
            return ()
        self._uploaded = True
        self._done = self._detach
        return [Uploaded(transfer_id=self.transfer_id)]

    def _on_progress(self, message: m.ProgressSummarized) -> Sequence[SenderEvent]:
        self._bytes.update((receiver.address, receiver.bytes) for receiver in message.receivers)
        return [Progressed(transfer_id=self.transfer_id, receivers=dict(self._bytes))]

    async def _on_reported(self, message: m.TransferReported) -> Sequence[SenderEvent]:
        self._done = True
        report = await complete(self._session.request, message)
        return [Reported(transfer_id=self.transfer_id, report=report)]

    async def _repeat(self) -> None:
        await self._listen()
        for wait in UNHEARD_WAITS:
            await self._request()
            await self._silence.lasts(wait)
            if self._accepted is not None:
                break
        while True:
            self._news.clear()
            await self._repeat_until_news()

    async def _repeat_until_news(self) -> None:
        for wait in backoff(FIRST_WAIT, LONGEST_WAIT):
            await self._silence.lasts(wait)
            if self._news.is_set():
                return
            await self._request()

    async def _request(self) -> None:
        self._requested = True
        for part in self._parts:
            await self._session.tell(part)

    async def _take_back(self) -> None:
        """When the file has changed the server is told, and what it reports then is the end."""
        error = await self._upload.failed
        await self._session.tell(
            m.CancelRequested(
                transfer_id=self.transfer_id, reason="source_changed", detail=str(error)[:MAX_TEXT]
            )
        )
        await asyncio.sleep(CHANGE_REPORTED_WITHIN)
        raise error

    async def _watch(self) -> None:
        """Tell when the broker blocks us and when it does not any more: nothing can be said meanwhile."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            blocked = await self._session.blocked()
            if blocked:
                self._pause.end()
            if blocked is not self._paused:
                self._paused = blocked
                self._heard.put((Paused if blocked else Resumed)(transfer_id=self.transfer_id))

    async def _tell_upload(self) -> None:
        before = 0 if self._known is None else self._known.transfer.uploaded
        told = None
        while not self._uploaded:
            await asyncio.sleep(UPLOAD_TOLD_EVERY)
            so_far = min(self._parts[0].file.size, before + self._upload.bytes)
            if self._upload.started and so_far != told:
                told = so_far
                self._heard.put(UploadProgressed(transfer_id=self.transfer_id, bytes=so_far))

    async def _expire(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._lifetime):
                await self._taken.wait()
        if self._accepted is not None:
            await asyncio.sleep(self._session.seconds_until(self._accepted.expires_at))
        # While we are blocked the server may be as well.
        await self._pause.lasts(GRACE)
        raise BrokerUnavailable(
            f"the server did not report transfer {self.transfer_id} by its expiry",
            code="server_silent",
            hint="Ask for its status later.",
        )
