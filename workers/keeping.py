"""Housekeeping beside the clock: how much room there is is measured, what is old is forgotten."""

import asyncio

import structlog
from sqlalchemy import ColumnElement, Table, delete, select

from rollcast.errors import Permanent, Transient
from workers import room
from workers.broker.management import Management
from workers.ledger import Database, Ledger
from workers.ledger.tables import events, invited_receivers, invited_transfers
from workers.settings import Settings
from workers.spool.store import Store

EVERY = 5.0
"""Seconds between two measurements."""
PRUNE_EVERY = 720
"""Measurements between two rounds of forgetting: an hour."""
AT_A_TIME = 1000
DAY = 86_400 * 1_000_000
"""µs."""

log = structlog.get_logger()


class Keeper:
    """Measures and prunes. Any number of them may do it."""

    def __init__(self, settings: Settings, database: Database, store: Store, management: Management) -> None:
        self._settings = settings
        self._database = database
        self._store = store
        self._management = management

    async def run(self) -> None:
        """Keep house until cancelled."""
        rounds = 0
        while True:
            try:
                await self.measure()
                if rounds % PRUNE_EVERY == 0:
                    await self.prune()
            except (Transient, Permanent) as error:
                log.warning("housekeeping was put off", error=str(error))
            rounds += 1
            await asyncio.sleep(EVERY)

    async def measure(self) -> None:
        """Note how full broker and spool are."""
        full, free = await self._management.fullness(), await self._store.free()
        async with self._database.begin() as ledger:
            await room.note(ledger, self._settings.server, free, full)

    async def prune(self) -> None:
        """Forget events and closed invitations that are older than the settings say."""
        async with self._database.begin() as ledger:
            before = ledger.now - round(self._settings.retention_days * DAY)
        while await self._prune_some(before):
            pass

    async def _prune_some(self, before: int) -> bool:
        async with self._database.begin() as ledger:
            old = select(invited_transfers.c.transfer_id).where(invited_transfers.c.closed_at < before)
            some = [row.transfer_id for row in await ledger.all(old.limit(AT_A_TIME))]
            for table in (invited_receivers, invited_transfers):
                await ledger.execute(delete(table).where(table.c.transfer_id.in_(some)))
            gone = await _delete_some(ledger, events, events.c.event_id, events.c.at < before)
        return gone == AT_A_TIME or len(some) == AT_A_TIME


async def _delete_some(
    ledger: Ledger, table: Table, key: ColumnElement[int], old: ColumnElement[bool]
) -> int:
    some = select(key).where(old).limit(AT_A_TIME)
    return (await ledger.execute(delete(table).where(key.in_(some)))).rowcount
