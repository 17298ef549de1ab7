"""Ledgers, spools and guards of one server, without its pools."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from structlog.testing import capture_logs

from rollcast.broker import Link
from rollcast.topology import identity_exchange
from workers.broker.declarer import Declarer
from workers.identity import mark
from workers.identity.adoption import Adoption
from workers.identity.guard import Guard
from workers.ledger import Database
from workers.ledger.identity import Identity, load
from workers.ledger.migrate import migrate
from workers.settings import Settings
from workers.spool.store import Store


class Worksite:
    """A folder in which ledgers and spools have names."""

    def __init__(self, folder: Path, server: Settings, ledger_url: str | None = None) -> None:
        self.folder = folder
        self._ledger_url = ledger_url
        self._server = server
        self._link = Link(server.amqp_url, "test")
        self.declarer = Declarer(self._link)
        self._closing = AsyncExitStack()

    def settings(self, ledger: str = "first", spool: str = "first", **changed: Any) -> Settings:
        """Those of a worker with this ledger and this spool."""
        spool_url = f"file://{self.spool(spool)}"
        return replace(self._server, ledger_url=self.ledger(ledger), spool_url=spool_url, **changed)

    def ledger(self, name: str) -> str:
        """The URL of a ledger: an SQLite file, unless the site has one elsewhere."""
        return self._ledger_url or f"sqlite:///{self.folder / name}.db"

    def spool(self, name: str) -> Path:
        """A folder for chunks."""
        return self.folder / f"spool-{name}"

    async def guard(self, settings: Settings, *, with_spool: bool = True) -> Guard:
        """The guard of a worker that has migrated its ledger."""
        store = Store(settings.spool_url) if with_spool else None
        return Guard(settings, await self.database(settings), store, self.declarer)

    async def starts(self, *, with_spool: bool = True, **named: Any) -> Guard:
        """The guard of a worker that finds nothing that differs. Raises what it finds."""
        guard = await self.guard(self.settings(**named), with_spool=with_spool)
        await guard.establish()
        return guard

    async def many_start(self, workers: int) -> None:
        """At once, on an empty ledger and an empty spool; all agree on what the first has recorded."""
        guards = [await self.guard(self.settings()) for _ in range(workers)]
        with capture_logs() as said:
            await asyncio.gather(*(guard.establish() for guard in guards))
        assert [line["event"] for line in said].count("the ledger has recorded what belongs to it") == 1
        recorded = await self.recorded()
        marked = await mark.read(Store(self.settings().spool_url))
        assert marked is not None
        assert (recorded.ledger, recorded.spool) == (marked.ledger, marked.spool)

    async def adopts(self, **named: Any) -> None:
        """Adopt what these settings name."""
        settings = self.settings(**named)
        store = Store(settings.spool_url)
        await Adoption(settings, await self.database(settings), store, self.declarer).run()

    async def recorded(self, ledger: str = "first") -> Identity:
        """What a ledger has recorded."""
        database = await self.database(self.settings(ledger))
        async with database.begin() as open_ledger:
            return await load(open_ledger)

    async def database(self, settings: Settings) -> Database:
        """The ledger of these settings, with its tables."""
        await migrate(settings.ledger_url)
        database = Database(settings.ledger_url)
        self._closing.push_async_callback(database.close)
        return database

    @asynccontextmanager
    async def others_run(self, admin: AbstractChannel, queue: str) -> AsyncIterator[None]:
        """Let somebody consume a queue for the time of a block."""
        consumed = await admin.get_queue(queue)
        tag = await consumed.consume(_keep)
        try:
            yield
        finally:
            await consumed.cancel(tag)

    async def close(self, *servers: str) -> None:
        """Close everything, and take away what the broker knows of these servers."""
        for server in (self._server.server, *servers):
            await self.declarer.delete_exchange(identity_exchange(server, "").name)
        await self._closing.aclose()
        await self._link.close()


async def _keep(_: AbstractIncomingMessage) -> None:
    """It goes back with the channel."""
