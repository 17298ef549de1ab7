"""The `spool` pool without its broker: a real ledger and a real folder."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rollcast.chunks import Label, digest_of
from rollcast.errors import BrokerUnavailable
from rollcast.messages import Message
from tests.unit.steps.build import ALICE, T
from tests.unit.steps.world import World
from workers.spool.spooler import Spooler
from workers.spool.store import Store
from workers.work import Publication

KiB = 1024
CHUNK = 64 * KiB
FULL, LAST = b"f" * CHUNK, b"l" * 10


@dataclass
class Letter:
    """A chunk's delivery, which notes how it was settled."""

    index: int = 0
    body: bytes = FULL
    user_id: str | None = ALICE
    routing_key: str = f"{ALICE}.{T}"
    headers: dict[str, Any] = field(default_factory=dict)
    redelivered: bool = False
    settled: str | None = None

    def __post_init__(self) -> None:
        self.headers = Label(T, self.index, digest_of(self.body)).headers() | self.headers

    async def ack(self) -> None:
        """It is stored, or not wanted."""
        self.settled = "ack"

    async def nack(self, requeue: bool) -> None:
        """It goes back."""
        self.settled = "nack"


class Pool:
    """A spooler on a folder."""

    def __init__(self, world: World, folder: Path, store: Store | None = None) -> None:
        self.folder = folder
        self.told: list[Message] = []
        self.away = False
        self._world = world
        store = store or Store(f"file://{folder}")
        self._spooler = Spooler(world.database, store, self)  # type: ignore[arg-type]

    async def publish(self, publications: Iterable[Publication]) -> None:
        """Stands for the outbox."""
        if self.away:
            raise BrokerUnavailable("gone")
        self.told += [one.message for one in publications]

    async def deliver(self, letter: Letter) -> None:
        """Put a chunk in line."""
        await self._spooler.take(letter)  # type: ignore[arg-type]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The spooler as it runs until it is told to end."""
        running = asyncio.create_task(self._spooler.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait({running})

    async def take(self, *letters: Letter) -> list[str | None]:
        """Let the spooler handle chunks before it ends; how each was settled."""
        for letter in letters:
            await self.deliver(letter)
        running = asyncio.create_task(self._spooler.run())
        drained = asyncio.create_task(self._spooler.drained())
        await asyncio.wait({running, drained}, return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return [letter.settled for letter in letters]

    def files(self) -> set[str]:
        """What the store holds."""
        return {str(path.relative_to(self.folder)) for path in self.folder.glob("*/*")}
