"""The `spool` pool without its broker: a real ledger and a real folder."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from rollcast.chunks import Label, digest_of
from rollcast.errors import BrokerUnavailable
from rollcast.messages import Message
from rollcast.topology import BULK
from tests.deliveries import FakeDelivery
from tests.people import ALICE
from tests.unit.steps.build import T
from tests.unit.steps.world import World
from workers.spool.spooler import Spooler
from workers.spool.store import Store
from workers.work import Publication

KiB = 1024
CHUNK = 64 * KiB
FULL, LAST = b"f" * CHUNK, b"l" * 10


class Chunk(FakeDelivery):
    """A chunk of the transfer as its sender publishes it, unless told otherwise."""

    def __init__(self, index: int = 0, body: bytes = FULL, **changed: Any) -> None:
        headers = Label(T, index, digest_of(body)).headers() | changed.pop("headers", {})
        usual = {"user_id": ALICE, "exchange": BULK, "routing_key": f"{ALICE}.{T}"}
        super().__init__(body, headers=headers, **usual | changed)


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

    async def deliver(self, chunk: Chunk) -> None:
        """Put a chunk in line."""
        await self._spooler.take(chunk.delivery())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The spooler as it runs until it is told to end."""
        running = asyncio.create_task(self._spooler.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait({running})

    async def take(self, *chunks: Chunk) -> list[str]:
        """Let the spooler handle chunks before it ends; how each was settled, each once."""
        for chunk in chunks:
            await self.deliver(chunk)
        running = asyncio.create_task(self._spooler.run())
        drained = asyncio.create_task(self._spooler.drained())
        await asyncio.wait({running, drained}, return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return [how for chunk in chunks for (how,) in [chunk.settled]]

    def files(self) -> set[str]:
        """What the store holds."""
        return {str(path.relative_to(self.folder)) for path in self.folder.glob("*/*")}
