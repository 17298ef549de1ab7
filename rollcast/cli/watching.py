"""Watches a folder and tells of its files: what `rollcast watch` does."""

import asyncio
import math
import os
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rollcast.cli import access, output
from rollcast.cli.exits import Exit
from rollcast.cli.log import Log
from rollcast.cli.running import cancel_when_told_to_end
from rollcast.cli.texts import plural
from rollcast.errors import FileUnusable
from rollcast.sender import Sender
from rollcast.settings import ClientSettings
from rollcast.watch import Journal, Plan, Watch


@dataclass(frozen=True, kw_only=True)
class Post:
    """What is watched, and for whom. `settle` in seconds."""

    folder: Path
    sender: str
    plan: Plan
    settle: float
    json: bool


async def watch(post: Post) -> int:
    """Watch a folder until told to end. Returns the exit status."""
    told_to_end = cancel_when_told_to_end()
    _check(post.folder)
    with Journal.open(ClientSettings.read().home, post.folder, post.sender) as journal:
        try:
            await _watch(post, journal)
        except asyncio.CancelledError:
            _say_what_is_left(journal)
            if not told_to_end.is_set():
                raise
    return Exit.DONE


async def _watch(post: Post, journal: Journal) -> None:
    log = Log(json=post.json)
    async with _connected(post.sender) as sender:
        receivers = plural(len(set(post.plan.recipients)), "receiver")
        output.say(f"watching {post.folder} as {post.sender} for {receivers}")
        watching = Watch(sender, post.folder, journal, post.plan, settle=post.settle)
        async with aclosing(watching.events()) as events:
            async for event in events:
                if not log.tell(event):
                    return


@asynccontextmanager
async def _connected(address: str) -> AsyncIterator[Sender]:
    """The sender of an address, as soon as there is a broker."""
    known = access.credentials(address)
    told: list[str] = []

    def tell(trouble: str) -> None:
        if not told:
            output.say(f"{trouble}; waiting")
        told.append(trouble)

    connecting = access.patiently(
        lambda: Sender.connect(known, access.transfers()), patience=math.inf, tell=tell
    )
    async with connecting as sender:
        yield sender


def _check(folder: Path) -> None:
    """Raises `FileUnusable` for what is no folder, or one whose files cannot be seen."""
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise FileUnusable(f"{folder} cannot be watched: {error.strerror}") from error


def _say_what_is_left(journal: Journal) -> None:
    if unfinished := journal.unfinished():
        output.say(f"{plural(len(unfinished), 'file')} under way; the next start goes on with what is left")
