"""`python -m workers adopt`: the ledger, spool and domains of the settings become those of the server."""

from dataclasses import replace

import structlog

from rollcast.errors import Permanent
from rollcast.topology import identity_exchange
from workers.broker.declarer import Declarer
from workers.identity import conflicts, mark
from workers.identity.conflicts import Conflict, domains
from workers.identity.guard import others_run
from workers.identity.mark import Mark
from workers.ledger import Database
from workers.ledger.identity import Identity, load, record
from workers.settings import Settings
from workers.spool.store import Store

log = structlog.get_logger()


class Adoption:
    """Puts what the settings name in the place of what was recorded. It can be done again if it was cut short."""

    def __init__(self, settings: Settings, database: Database, store: Store, declarer: Declarer) -> None:
        self._settings = settings
        self._database = database
        self._store = store
        self._declarer = declarer

    async def run(self) -> None:
        """Adopt, and log what differed. `Permanent` while workers run that have another ledger or spool.

        Workers that only serve other domains may run: they find out, and end.
        """
        async with self._database.begin() as ledger:
            before, marked = await load(ledger, locked=True), await mark.read(self._store)
            on_broker = await self._on_broker(before)
            differing = [on_broker, *_kept(self._settings, before, marked)]
            if any(differing):
                await self._refuse_while_others_run(before, marked)
            _tell([*differing, conflicts.of_domains(self._settings, before)])
            wanted = await self._mark(before, marked)
            now = Identity(before.ledger, self._settings.server, domains(self._settings), wanted.spool)
            await record(ledger, now)
        spec = identity_exchange(self._settings.server, now.ledger)
        if on_broker is not None:
            await self._declarer.delete_exchange(spec.name)
        await self._declarer.mark(spec)
        log.info("adopted: the workers of this server may start with these", **conflicts.told(now))

    async def _on_broker(self, before: Identity) -> Conflict | None:
        spec = identity_exchange(self._settings.server, before.ledger)
        if not await self._declarer.has_exchange(spec.name):
            return None
        return conflicts.of_ledger(self._settings, before.ledger, await self._declarer.mark(spec))

    async def _refuse_while_others_run(self, before: Identity, marked: Mark | None) -> None:
        owners = {self._settings.server, before.server, marked.server if marked is not None else None}
        for server in sorted(filter(None, owners)):
            if await others_run(replace(self._settings, server=server), self._declarer):
                raise Permanent(
                    f"nothing is adopted: workers of the server {server!r} run, with another ledger or spool",
                    hint="Stop all of them, and adopt again. One that was killed counts until the broker misses it.",
                    code=Conflict.code,
                )

    async def _mark(self, before: Identity, marked: Mark | None) -> Mark:
        """Mark the spool as the server's; one that was another's becomes a new one."""
        wanted = Mark.new(self._settings.server, before.ledger)
        if marked is not None and conflicts.of_spool(self._settings, before, marked) is None:
            wanted = Mark(wanted.server, wanted.ledger, marked.spool)
        if wanted != marked:
            await mark.write(self._store, wanted)
        return wanted


def _kept(settings: Settings, before: Identity, marked: Mark | None) -> list[Conflict | None]:
    return [conflicts.of_server(settings, before), conflicts.of_spool(settings, before, marked)]


def _tell(differing: list[Conflict | None]) -> None:
    for conflict in filter(None, differing):
        log.info(f"it was otherwise until now: {conflict}")
