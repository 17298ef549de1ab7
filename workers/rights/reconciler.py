"""Keeps what the broker grants as the ledger says, and the entries closed while it does not.

It looks every few seconds whether the entries are open, and mends at once when one is not, since it was deleted and
its topic permissions perhaps with it; and every few minutes, for what was changed otherwise. Any number of workers
may do so, of any number of servers: the lock of the entries lets in one at a time.
"""

import asyncio
import time

import structlog

from rollcast.errors import Permanent, Transient
from rollcast.topology import INNER
from workers import metrics
from workers.broker import entries
from workers.broker.entries import Entries
from workers.broker.management import Management
from workers.broker.rights import Rights
from workers.ledger import Database
from workers.rights import granted, known
from workers.rights.comparison import Differences, compare, unbounded
from workers.rights.known import Known
from workers.rights.mending import each, mend
from workers.rights.notices import Notices
from workers.settings import Settings

LOOK_EVERY, COMPARE_EVERY = 5.0, 300.0
"""Seconds."""

log = structlog.get_logger()


class Reconciler:
    """Reconciles the rights of the terminals of a server's domains, and opens the entries."""

    def __init__(self, settings: Settings, database: Database, management: Management) -> None:
        self._settings = settings
        self._database = database
        self._management = management
        self._rights = Rights(management)
        self._notices = Notices()
        self._compared_at: float | None = None
        self.fault: str | None = "rights have not been compared with the ledger yet"

    async def run(self) -> None:
        """Look after the entries until cancelled."""
        while True:
            try:
                await self.look()
                self.fault = None
            except (Transient, Permanent) as error:
                self._note(error)
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Mend what there is to mend, if an entry is closed or the last comparison is long past."""
        closed = await entries.closed(self._management)
        for entry in INNER:
            metrics.ENTRY_OPEN.labels(exchange=entry).set(entry not in closed)
        if closed and self.fault is None:
            self.fault = (
                f"nobody is let in at {', '.join(closed)}: topic permissions have to be compared first"
            )
        if closed or self._compared_at is None or time.monotonic() - self._compared_at > COMPARE_EVERY:
            await self.reconcile()
            self._compared_at = time.monotonic()

    async def reconcile(self) -> None:
        """Compare, mend, verify, and open the entries. Raises `Transient` if that cannot be done now."""
        name = f"rollcast {self._settings.server} entries"
        async with entries.locked(self._settings.amqp_url, name) as held:
            await held.declare()
            found = await self._mend()
            await self._open(held, await entries.closed(self._management))
        self._notices.tell(found)

    async def _mend(self) -> Differences:
        before = await self._known()
        found = compare(before, await granted.read(self._management))
        await mend(self._rights, found)
        metrics.RIGHTS_MENDED.labels(what="topic permission").inc(len(found.topics))
        metrics.RIGHTS_MENDED.labels(what="permission").inc(len(found.permissions) + len(found.surplus))
        metrics.RIGHTS_MENDED.labels(what="limit").inc(len(found.limits))
        await self._follow(before, set(found.permissions) | found.surplus)
        return found

    async def _follow(self, before: Known, written: set[str]) -> None:
        """Write again what was written while an operator changed the account."""
        while written:
            now = await self._known()
            written = {user for user in written if now.accounts.get(user) != before.accounts.get(user)}
            # Of an account that was removed the user is deleted by whoever removed it.
            await each(written - now.active, lambda user: self._rights.revoke(user, remove=False))
            await each(written & now.active, lambda user: self._rights.grant(user, None))
            before = now

    async def _open(self, held: Entries, closed: list[str]) -> None:
        if not closed:
            return
        self._must_be_bounded(await granted.read(self._management), closed)
        for entry in closed:
            await held.open(entry)
        try:
            # Somebody else may have declared one again at this very moment: by hand, say.
            self._must_be_bounded(await granted.read(self._management), closed)
        except Transient:
            for entry in closed:
                await held.close(entry)
            raise
        log.info("terminals and operators are let in: their topic permissions are there", exchanges=closed)

    @staticmethod
    def _must_be_bounded(found: granted.Granted, closed: list[str]) -> None:
        for entry in closed:
            if users := sorted(unbounded(found, entry)):
                raise Transient(
                    f"{len(users)} users, {users[0]} among them, lack a topic permission on {entry}"
                )

    async def _known(self) -> Known:
        return await known.read(self._database, self._settings.domains, self._settings.operators)

    def _note(self, error: Transient | Permanent) -> None:
        fault = f"rights cannot be compared with the ledger: {error}"
        if fault != self.fault:
            log.warning(f"{fault}; trying again", hint=error.hint)
        self.fault = fault
