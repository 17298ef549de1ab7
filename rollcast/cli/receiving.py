"""Receives files and tells of them: what `rollcast receive` does."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live

from rollcast.cli import access, output
from rollcast.cli.event_json import event_json
from rollcast.cli.exits import Exit
from rollcast.cli.narrator import Narrator
from rollcast.cli.running import cancel_when_told_to_end
from rollcast.errors import FileUnusable
from rollcast.events import Delivered, ReceiverEvent
from rollcast.messages.values import Capabilities
from rollcast.receiver import Receiver
from rollcast.receiving.consent import Decide


@dataclass(frozen=True, kw_only=True)
class Post:
    """Where and what to receive. `asks`: somebody at this terminal decides; `count`: end after so many files."""

    address: str
    into: Path
    decide: Decide
    asks: bool
    capabilities: Capabilities
    count: int | None
    json: bool


async def receive(post: Post) -> int:
    """Receive files until there are enough, or until told to end. Returns the exit status."""
    told_to_end = cancel_when_told_to_end()
    try:
        await _receive(post)
    except asyncio.CancelledError:
        if not told_to_end.is_set():
            raise
    except OSError as error:
        raise FileUnusable(f"cannot receive into {post.into}: {error.strerror or error}") from error
    return Exit.DONE


async def _receive(post: Post) -> None:
    credentials = access.credentials(post.address)
    delivered = 0

    def connect() -> AbstractAsyncContextManager[Receiver]:
        return Receiver.connect(
            credentials, into=post.into, decide=post.decide, capabilities=post.capabilities
        )

    with _telling(post) as tell:
        async with access.patiently(connect) as receiver:
            async for event in receiver:
                delivered += isinstance(event, Delivered)
                if not tell(event) or delivered == post.count:
                    return


@contextmanager
def _telling(post: Post) -> Iterator[Callable[[ReceiverEvent], bool]]:
    """Tells of events; on a terminal files on their way are drawn, except where somebody types answers."""
    console = Console(stderr=True, highlight=False)
    drawn = sys.stderr.isatty() and not (post.json or post.asks or console.is_dumb_terminal)
    narrator = Narrator(drawn=drawn)
    live = Live(narrator.arrivals, console=console, transient=True, redirect_stdout=sys.stdout.isatty())
    with live if drawn else nullcontext():
        yield _tell_json if post.json else narrator.tell


def _tell_json(event: ReceiverEvent) -> bool:
    return output.emit_document(event_json(event))
