"""Sends the files of a folder, some at a time, each under the transfer that the journal has for it."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Coroutine
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

from rollcast.backoff import backoff
from rollcast.errors import (
    BrokerUnavailable,
    FileUnusable,
    RequestRefused,
    RollcastError,
    TransferRefusedError,
)
from rollcast.events import Reported, SenderEvent, Uploaded
from rollcast.reasons import REASONS, Code
from rollcast.sender import Sender
from rollcast.sending.request import new_transfer_id
from rollcast.sending.source import Source
from rollcast.tasks import Stream, Tasks
from rollcast.watch.events import Began, Ended, GivenUp, Happened, Unknown, WatchEvent
from rollcast.watch.journal import Entry, Journal, State
from rollcast.watch.listing import Version
from rollcast.watch.obstacles import Kind, Obstacles
from rollcast.watch.plan import Plan

AT_ONCE = 8
"""The most files that the server does not wholly have yet; those whose receivers are waited for do not count."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds before a file is tried again while the broker or the server is away, at first and at the most."""
ABOUT_THE_FILE = frozenset({Code.FILE_TOO_BIG, Code.INVALID_FILE_NAME})
"""Refusals that the next file need not meet."""


class Feed:
    """Sends what it is offered. `told` gets all that happens, and the error that ends it."""

    def __init__(
        self,
        sender: Sender,
        folder: Path,
        journal: Journal,
        plan: Plan,
        *,
        obstacles: Obstacles,
        told: Stream[WatchEvent],
    ) -> None:
        self._sender = sender
        self._folder = folder
        self._journal = journal
        self._plan = plan
        self._obstacles = obstacles
        self._told = told
        self._tasks = Tasks(told)
        self._busy: set[str] = set()
        self._given_up: dict[str, Version] = {}

    def go_on(self) -> None:
        """Take up what an earlier process has begun."""
        for entry in self._journal.unfinished():
            self._tell_beginning(entry, again=True)
            if entry.state is State.UPLOADED:
                self._tasks.spawn(self._follow(entry))
            else:
                self._start(entry.name, self._deliver(entry, self._resumed(entry)))

    def offer(self, name: str, version: Version) -> None:
        """Begin with a complete file, if there is room for one more; else it has to be offered again."""
        room = 1 if self._obstacles.refused else AT_ONCE
        full = len(self._busy) >= room or self._obstacles.resting
        if not full and name not in self._busy and self._given_up.get(name) != version:
            self._start(name, self._send(name, version))

    def miss(self, present: Collection[str]) -> None:
        """Files that have gone, and come again, may be tried again."""
        self._given_up = {name: version for name, version in self._given_up.items() if name in present}

    def note_end(self, ended: Ended) -> None:
        """The end of a file was told. One that changed while it was sent will be sent as it is then."""
        transfer = ended.report.transfer
        entry = self._journal.get(transfer.transfer_id)
        if transfer.reason is Code.SOURCE_CHANGED:
            self._given_up[entry.name] = entry.version
            self._journal.forget(entry)
        else:
            self._journal.ended(entry)

    async def close(self) -> None:
        """Leave what is under way as it is."""
        await self._tasks.close()

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._busy.add(name)
        self._tasks.spawn(work).add_done_callback(lambda _: self._busy.discard(name))

    def _resumed(self, entry: Entry) -> AsyncGenerator[SenderEvent, None]:
        return self._sender.resume(entry.transfer_id, take_back=True)

    async def _send(self, name: str, version: Version) -> None:
        try:
            source = await Source.open(self._folder / name, sha256=self._plan.sha256, follow=False)
        except FileUnusable as error:
            return self._give_up(name, version, error)
        with closing(source):
            if (source.size, source.mtime_ns) != version[:2]:
                return None
            if self._journal.has_content(name, source.hash.blake3):
                return self._journal.unchanged(name, version)
            entry = self._journal.begin(new_transfer_id(), name, version, source.hash.blake3)
            self._tell_beginning(entry, again=False)
            wish = self._plan.wish(entry.transfer_id)
            return await self._deliver(entry, self._sender.send_source(source, wish, detach=True))

    async def _deliver(self, entry: Entry, sending: AsyncGenerator[SenderEvent, None]) -> None:
        for wait in backoff(FIRST_WAIT, LONGEST_WAIT):
            try:
                return await self._upload(entry, sending)
            except BrokerUnavailable as error:
                self._obstacles.meet(Kind.BROKER, error)
            except TransferRefusedError as error:
                return self._refused(entry, error)
            except FileUnusable:
                # What becomes of the transfer without its file, the server knows.
                self._tasks.spawn(self._follow(entry))
                return None
            await asyncio.sleep(wait)
            sending = self._resumed(entry)
        return None

    async def _upload(self, entry: Entry, sending: AsyncGenerator[SenderEvent, None]) -> None:
        async with aclosing(sending) as events:
            async for event in events:
                self._obstacles.hear(event)
                if isinstance(event, Reported):
                    self._told.put(Ended(name=entry.name, report=event.report))
                    return
                if isinstance(event, Uploaded):
                    self._journal.uploaded(entry)
                self._told.put(Happened(name=entry.name, event=event))
        self._tasks.spawn(self._follow(entry))

    async def _follow(self, entry: Entry) -> None:
        for wait in backoff(FIRST_WAIT, LONGEST_WAIT):
            try:
                report = await self._sender.report(entry.transfer_id)
            except BrokerUnavailable as error:
                self._obstacles.meet(Kind.BROKER, error)
            except RequestRefused as error:
                if error.code != Code.NO_SUCH_TRANSFER:
                    raise
                self._journal.forget(entry)
                return self._told.put(Unknown(name=entry.name, transfer_id=entry.transfer_id))
            else:
                self._obstacles.clear(Kind.BROKER)
                return self._told.put(Ended(name=entry.name, report=report))
            await asyncio.sleep(wait)
        return None

    def _tell_beginning(self, entry: Entry, *, again: bool) -> None:
        self._told.put(Began(name=entry.name, transfer_id=entry.transfer_id, size=entry.size, again=again))

    def _give_up(self, name: str, version: Version, error: RollcastError) -> None:
        self._given_up[name] = version
        self._told.put(GivenUp(name=name, error=error))

    def _refused(self, entry: Entry, error: TransferRefusedError) -> None:
        """What the server has not taken was not sent. Raises what it would say of every other file, too."""
        self._journal.forget(entry)
        if error.code in ABOUT_THE_FILE:
            self._give_up(entry.name, entry.version, error)
        elif REASONS[Code(error.code)].may_ask_again:
            self._obstacles.meet(Kind.REFUSAL, error)
        else:
            raise error
