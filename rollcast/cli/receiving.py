"""Receives files and tells of them: what `rollcast receive` does."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

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
    """Where and what to receive. `count`: end after so many files."""

    address: str
    into: Path
    decide: Decide
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
    tell = _tell_json if post.json else Narrator().tell
    delivered = 0

    def connect() -> AbstractAsyncContextManager[Receiver]:
        return Receiver.connect(
            credentials, into=post.into, decide=post.decide, capabilities=post.capabilities
        )

    async with access.patiently(connect) as receiver:
        async for event in receiver:
            delivered += isinstance(event, Delivered)
            if not tell(event) or delivered == post.count:
                return


def _tell_json(event: ReceiverEvent) -> bool:
    return output.emit_document(event_json(event))
