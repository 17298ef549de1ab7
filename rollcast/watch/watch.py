"""Looks into a folder again and again, and sends what is complete in it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

from rollcast.errors import FileUnusable
from rollcast.sender import Sender
from rollcast.tasks import Stream, Tasks
from rollcast.watch.events import Ended, LeftAlone, WatchEvent
from rollcast.watch.feed import Feed
from rollcast.watch.journal import Journal
from rollcast.watch.listing import Listing, look
from rollcast.watch.obstacles import Kind, Obstacles
from rollcast.watch.plan import Plan
from rollcast.watch.settling import Settling

LOOK_EVERY, LOOK_AT_LEAST_EVERY = 1.0, 60.0
"""Seconds between two looks."""
PAUSE_SHARE = 10
"""A folder that takes long to look at is left alone for so many times as long."""


class Watch:
    """A folder that is watched. `settle`: seconds for which a file must not change to be complete."""

    def __init__(self, sender: Sender, folder: Path, journal: Journal, plan: Plan, *, settle: float) -> None:
        self._folder = folder
        self._journal = journal
        self._settling = Settling(settle)
        self._told: Stream[WatchEvent] = Stream()
        self._tasks = Tasks(self._told)
        self._obstacles = Obstacles(self._told)
        self._feed = Feed(sender, folder, journal, plan, obstacles=self._obstacles, told=self._told)
        self._left_alone: Mapping[str, str] = {}

    async def events(self) -> AsyncGenerator[WatchEvent, None]:
        """All that happens, without an end. What was begun when the reader leaves goes on with the next watch.

        Raises `FileUnusable` if nothing can be written down, `RequestRefused` and `BrokerRefused` if nothing can
        be sent.
        """
        self._feed.go_on()
        self._tasks.spawn(self._look_again_and_again())
        try:
            while True:
                event = await self._told.get()
                yield event
                # Whoever asks for the next event has told this one.
                if isinstance(event, Ended):
                    self._feed.note_end(event)
        finally:
            await self._tasks.close()
            await self._feed.close()

    async def _look_again_and_again(self) -> None:
        while True:
            began = time.monotonic()
            try:
                listing = await asyncio.to_thread(look, self._folder)
            except OSError as error:
                why = f"{self._folder} cannot be looked at: {error.strerror}"
                self._obstacles.meet(Kind.FOLDER, FileUnusable(why))
            else:
                self._obstacles.clear(Kind.FOLDER)
                self._take(listing)
            pause = PAUSE_SHARE * (time.monotonic() - began)
            await asyncio.sleep(min(max(pause, LOOK_EVERY), LOOK_AT_LEAST_EVERY))

    def _take(self, listing: Listing) -> None:
        self._tell_of_others(listing.others)
        self._feed.miss(listing.files)
        news = self._journal.compare(listing.files)
        for name, version in self._settling.settled(news, time.monotonic()).items():
            self._feed.offer(name, version)

    def _tell_of_others(self, others: Mapping[str, str]) -> None:
        for name, why in others.items():
            if self._left_alone.get(name) != why:
                self._told.put(LeftAlone(name=name, why=why))
        self._left_alone = others
