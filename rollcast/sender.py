"""The sending terminal."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager, closing
from pathlib import Path
from typing import Literal

import msgspec

from rollcast import topology
from rollcast.credentials import Credentials
from rollcast.errors import FileUnusable, RequestRefused, TransferRefusedError
from rollcast.events import Reported, SenderEvent
from rollcast.hashing import Told
from rollcast.messages import TransferRequested
from rollcast.messages.values import TransferStatus
from rollcast.queries import Glance, describe, glance, newest
from rollcast.reasons import Code
from rollcast.report import Report
from rollcast.sending import again
from rollcast.sending.awaited import Awaited
from rollcast.sending.cancelling import cancel
from rollcast.sending.mailbox import Mailbox
from rollcast.sending.outgoing import Outgoing
from rollcast.sending.request import Wish, new_transfer_id, parts, selector
from rollcast.sending.source import Source
from rollcast.sending.transfers import NO_RECORD, Record, Transfers
from rollcast.sending.upload import Content
from rollcast.session import Session


class Sender:
    """Sends files and asks how they stand. Made by `connect`; several files can be sent at a time."""

    def __init__(self, session: Session, transfers: Transfers | None) -> None:
        self._session = session
        self._transfers = transfers
        self._mailbox = Mailbox(session)
        self._abandoned: set[str] = set()

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, credentials: Credentials, transfers: Transfers | None = None
    ) -> AsyncIterator["Sender"]:
        """A sender with a connection. What it needs to `resume` it keeps in `transfers`, if that is given.

        Raises `BrokerRefused`, `BrokerUnavailable`.
        """
        async with Session.open(credentials) as session:
            sender = cls(session, transfers)
            try:
                yield sender
            finally:
                await sender._mailbox.close()

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
        reading: Told | None = None,
    ) -> AsyncGenerator[SenderEvent, None]:
        """Send a file, and yield what happens up to the report, or with `detach` until the server has the file.

        Durations in seconds, `chunk_size` in bytes. `detach` means an eager upload. The file is read before anything
        happens, and `reading` is told how many bytes of it have been. Who stops reading leaves the
        transfer as it is: it can be resumed, or taken back by `cancel`. Raises `FileUnusable`, `InvalidMessage`,
        `TransferRefusedError`, `BrokerRefused`, `BrokerUnavailable`.
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
        )
        with closing(await Source.open(file, sha256=sha256, reading=reading)) as source:
            async with aclosing(self.send_source(source, wish, type=type, detach=detach)) as events:
                async for event in events:
                    yield event

    async def send_source(
        self, source: Source, wish: Wish, *, type: str | None = None, detach: bool = False
    ) -> AsyncGenerator[SenderEvent, None]:
        """As `send`, for a file that is open already. Here `detach` leaves the time of the upload to the wish."""
        request = parts(wish, self._mailbox.session_id, selector(source, type))
        async with aclosing(self._begin(request, source, detach=detach)) as events:
            async for event in events:
                yield event

    async def resume(
        self, transfer_id: str, *, take_back: bool = False, reading: Told | None = None
    ) -> AsyncGenerator[SenderEvent, None]:
        """Go on with a transfer whose sender stopped, as its record in `transfers` says; nobody is asked again.

        Yields and raises what `send` does; `FileUnusable` also if there is no record, or the file has changed. With
        `take_back` a changed file is no error if the server knows the transfer: either it has the whole file
        already, or the transfer ends as `source_changed`.
        """
        record = self._kept().get(transfer_id, self._session.address)
        known = await self._known(transfer_id)
        if known is not None and known.settled:
            self._forget(known)
            yield Reported(transfer_id=transfer_id, report=known)
            return
        reopened = await again.reopen(record, take_back=take_back and known is not None, reading=reading)
        with closing(reopened) as source:
            request = [
                msgspec.structs.replace(part, session=self._mailbox.session_id) for part in record.request
            ]
            sending = self._deliver(request, source, detach=record.detach, known=known)
            async with aclosing(sending) as events:
                async for event in events:
                    yield event

    async def retry(
        self,
        transfer_id: str,
        file: Path | None = None,
        *,
        expires: float = 86_400.0,
        upload: Literal["live", "eager"] = "live",
        detach: bool = False,
        new_id: str | None = None,
        reading: Told | None = None,
    ) -> AsyncGenerator[SenderEvent, None]:
        """Send the file of a transfer that has ended to those of its list who were cut off, without asking them.

        `file` is where it lies, by default where it was; `new_id` is for the new transfer. Yields and raises what
        `send` does; `RequestRefused` also if there is no such transfer, or nobody to send it to.
        """
        earlier = await self.status(transfer_id)
        wish = again.retry(
            earlier, new_id or new_transfer_id(), expires=expires, upload="eager" if detach else upload
        )
        path = file or Path(self._kept().get(transfer_id, self._session.address).path)
        with closing(await again.open_for_retry(path, earlier, reading)) as source:
            request = parts(wish, self._mailbox.session_id, earlier.transfer.file)
            async with aclosing(self._begin(request, source, detach=detach)) as events:
                async for event in events:
                    yield event

    async def cancel(self, transfer_id: str) -> Report:
        """Take a transfer back; returns its report once it has ended, after a minute if receivers do not confirm.

        It may have ended otherwise before. Raises `RequestRefused` if this sender has none of that id,
        `BrokerUnavailable`.
        """
        report = await cancel(self._session, transfer_id, expected=transfer_id in self._abandoned)
        self._abandoned.discard(transfer_id)
        self._forget(report)
        return report

    async def report(self, transfer_id: str) -> Report:
        """The report of a transfer whose file the server has, once nobody on its list receives any more.

        Raises `RequestRefused` if this sender has none of that id, `BrokerUnavailable`.
        """
        awaited = Awaited(self._session.request, transfer_id)
        with self._mailbox.waiting(transfer_id, awaited):
            await self._mailbox.open()
            report = await awaited.report()
        self._forget(report)
        return report

    async def status(self, transfer_id: str) -> Report:
        """How a transfer stands. Raises `RequestRefused` if this sender has none of that id."""
        report = await describe(self._session.ask, transfer_id)
        self._forget(report)
        return report

    async def glance(self, transfer_id: str, most: int) -> Glance:
        """How a transfer stands, with at most so many of its receivers: those that hold it up."""
        return await glance(self._session.ask, transfer_id, most)

    async def list(self, most: int | None = None) -> list[TransferStatus]:
        """The transfers of this sender that the server remembers, newest first; all of them, or so many."""
        return await newest(self._session.ask, most)

    def _kept(self) -> Transfers:
        if self._transfers is None:
            raise FileUnusable("this sender keeps nothing of its transfers", code=NO_RECORD)
        return self._transfers

    async def _known(self, transfer_id: str) -> Report | None:
        """How a transfer stands; None if the request has not come to the server."""
        try:
            return await describe(self._session.request, transfer_id)
        except RequestRefused as error:
            if error.code != Code.NO_SUCH_TRANSFER:
                raise
            return None

    def _forget(self, report: Report) -> None:
        if self._transfers is not None:
            self._transfers.drop_needless(report)

    async def _begin(
        self, request: Sequence[TransferRequested], source: Source, *, detach: bool
    ) -> AsyncGenerator[SenderEvent, None]:
        record = Record.of(self._session.address, source, request, detach=detach)
        if self._transfers is not None:
            self._transfers.keep(record)
        try:
            async with aclosing(self._deliver(request, source, detach=detach)) as events:
                async for event in events:
                    yield event
        except TransferRefusedError as error:
            if self._transfers is not None and error.code != Code.DUPLICATE_TRANSFER:
                self._transfers.drop(record.transfer_id)
            raise

    async def _deliver(
        self,
        request: Sequence[TransferRequested],
        source: Content,
        *,
        detach: bool,
        known: Report | None = None,
    ) -> AsyncGenerator[SenderEvent, None]:
        listen = self._mailbox.open
        outgoing = Outgoing(self._session, source, request, listen=listen, detach=detach, known=known)
        try:
            with self._mailbox.waiting(outgoing.transfer_id, outgoing):
                async with aclosing(outgoing.events()) as events:
                    async for event in events:
                        if isinstance(event, Reported):
                            self._forget(event.report)
                        yield event
        finally:
            if outgoing.abandoned:
                self._abandoned.add(outgoing.transfer_id)
