"""Keeps a worker from working with another ledger, another spool or other domains than the rest of its server."""

import asyncio
from dataclasses import replace

import structlog

from rollcast.topology import identity_exchange
from workers.broker import own_queues
from workers.broker.declarer import Declarer
from workers.identity import conflicts, mark
from workers.identity.conflicts import Conflict, OthersServe, domains
from workers.identity.mark import Mark
from workers.ledger import Database
from workers.ledger.identity import Identity, load, record
from workers.settings import Settings
from workers.spool.store import Store

DECLARED_AGAIN_WITHIN = 15.0
"""Seconds in which a worker that runs has declared again what was deleted on the broker."""

log = structlog.get_logger()


class Guard:
    """Compares settings with what ledger, broker and spool say; `store` is None where the spool is not used.

    What differs is raised as `Conflict`. Each method raises `Transient` while one of the three is away.
    """

    def __init__(
        self, settings: Settings, database: Database, store: Store | None, declarer: Declarer
    ) -> None:
        self._settings = settings
        self._database = database
        self._store = store
        self._declarer = declarer
        self._ledger = ""

    async def establish(self) -> None:
        """Compare everything, and record what is recorded nowhere yet. Raises `OthersServe` for the domains."""
        found = await self._kept()
        if found.server is None and await self._may_be_marked_soon():
            log.info("other workers run, and the broker does not say with which ledger: it is waited for")
            await asyncio.sleep(DECLARED_AGAIN_WITHIN)
        await self.declare()
        await self._record()
        await self._agree_on_domains()

    async def declare(self) -> None:
        """Mark the broker with the ledger, unless it has a mark."""
        on_broker = await self._declarer.mark(identity_exchange(self._settings.server, self._ledger))
        _refuse(conflicts.of_ledger(self._settings, self._ledger, on_broker))

    async def check(self) -> None:
        """Compare what may have been changed since this worker started, and renew the mark of the spool."""
        found = await self._recorded()
        _refuse(conflicts.of_domains(self._settings, found))
        if self._store is not None:
            _refuse(conflicts.of_spool(self._settings, found, await mark.renew(self._store)))

    async def compare(self) -> Identity:
        """What is recorded, if nothing differs from it; nothing is changed."""
        found = await self._kept()
        _refuse(conflicts.of_domains(self._settings, found))
        return found

    async def _kept(self) -> Identity:
        """What is recorded, if ledger, broker and spool agree."""
        found = await self._recorded()
        if await self._declarer.has_exchange(identity_exchange(self._settings.server, "").name):
            await self.declare()
        if self._store is not None:
            _refuse(conflicts.of_spool(self._settings, found, await mark.read(self._store)))
        return found

    async def _recorded(self) -> Identity:
        async with self._database.begin() as ledger:
            found = await load(ledger)
        self._ledger = found.ledger
        _refuse(conflicts.of_server(self._settings, found))
        return found

    async def _may_be_marked_soon(self) -> bool:
        name = identity_exchange(self._settings.server, "").name
        return not await self._declarer.has_exchange(name) and await others_run(
            self._settings, self._declarer
        )

    async def _record(self) -> None:
        """Record what is missing. Under a lock: many start at once, and the first one marks the spool."""
        async with self._database.begin() as ledger:
            found = await load(ledger, locked=True)
            _refuse(conflicts.of_server(self._settings, found))
            now = replace(
                found,
                server=self._settings.server,
                domains=found.domains or domains(self._settings),
                spool=await self._marked(found),
            )
            if now != found:
                await record(ledger, now)
                log.info("the ledger has recorded what belongs to it", **conflicts.told(now))

    async def _marked(self, found: Identity) -> str | None:
        """The spool's id; one without a mark is marked, if the ledger knows of no other."""
        if self._store is None:
            return found.spool
        there = await mark.read(self._store)
        _refuse(conflicts.of_spool(self._settings, found, there))
        if there is None:
            there = Mark.new(self._settings.server, found.ledger)
            await mark.write(self._store, there)
        return there.spool

    async def _agree_on_domains(self) -> None:
        """Let new domains take the place of those before if nobody else works with these."""
        before = await self._recorded()
        if (conflict := conflicts.of_domains(self._settings, before)) is None:
            return
        if await others_run(self._settings, self._declarer):
            raise OthersServe(conflict)
        now = replace(before, domains=domains(self._settings))
        async with self._database.begin() as ledger:
            if await load(ledger, locked=True) != before:
                raise OthersServe(conflict)
            await record(ledger, now)
        log.info("the domains of the server have changed", before=before.domains, now=now.domains)


async def others_run(settings: Settings, declarer: Declarer) -> bool:
    """Whether anybody consumes a queue of the server, of an earlier version too; asked by one that does not yet."""
    specs = [*own_queues.of_pools(settings).values(), *own_queues.of_an_earlier_version(settings)]
    counts = await declarer.counts([spec.name for spec in specs])
    return any(found.consumers for found in counts.values())


def _refuse(conflict: Conflict | None) -> None:
    if conflict is not None:
        raise conflict
