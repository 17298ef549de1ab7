"""Is the ledger what this code expects, does the clock look into it, and is there room in the spool?"""

from sqlalchemy import func, select

from rollcast.findings import fine, some, wrong
from rollcast.messages.figures import Finding
from rollcast.topology import MiB
from workers.ledger import Database, accounts
from workers.ledger.migrate import revisions
from workers.ledger.tables import sent_transfers, spool_usage
from workers.room import MARGIN
from workers.settings import Settings
from workers.spool.store import Store

SECOND = 1_000_000
"""µs."""
ALIVE, OVERDUE = 30 * SECOND, 60 * SECOND
"""µs after which the clock should have measured, and should have prompted what is due."""
NEARLY = 0.95
"""The part of the quota from which a transfer of any size may be held."""


async def check_ledger(database: Database) -> list[Finding]:
    """Its revision."""
    there, wanted = await revisions(database)
    kind = database.url.get_backend_name()
    if there != wanted:
        remedy = (
            "Restart all workers with the same version; the newest brings the ledger to its own revision."
        )
        return [wrong("ledger", f"it is at revision {there}, and these workers are at {wanted}", remedy)]
    return [fine("ledger", f"{kind}, at revision {there}, which is that of the workers")]


async def check_passwords(domain: str, database: Database) -> list[Finding]:
    """None can be derived from what a server keeps."""
    async with database.begin() as ledger:
        derived = await accounts.with_derived_password(ledger, domain)
    subject = f"passwords of {domain}"
    if derived:
        detail = "whoever has read the server's AMQP URL and an earlier ledger can tell those of "
        return [wrong(subject, detail + some(derived), "Give each another one: rollcast admin passwd ADDR")]
    return [fine(subject, "none can be told from what the server keeps")]


async def check_clock(settings: Settings, database: Database) -> list[Finding]:
    """It measures every few seconds, and prompts what is due."""
    async with database.begin() as ledger:
        usage = await ledger.first(select(spool_usage).where(spool_usage.c.server == settings.server))
        due = (await ledger.execute(select(func.min(sent_transfers.c.due_at)))).scalar_one()
        now = ledger.now
    remedy = "Start it: python -m workers clock. If one runs, its log says what hinders it."
    measured = usage.measured_at if usage is not None else None
    if measured is None or now - measured > ALIVE:
        since = "ever" if measured is None else f"for {(now - measured) // SECOND} s"
        return [wrong("pool clock", f"it has not measured broker and spool {since}", remedy)]
    if due is not None and now - due > OVERDUE:
        return [wrong("pool clock", f"a transfer has been due for {(now - due) // SECOND} s", remedy)]
    return [
        fine("pool clock", f"it measured {max(0, now - measured) // SECOND} s ago, and nothing is overdue")
    ]


async def check_room(settings: Settings, database: Database) -> list[Finding]:
    """What is reserved of the quota, and what the disk has free."""
    async with database.begin() as ledger:
        usage = await ledger.first(select(spool_usage).where(spool_usage.c.server == settings.server))
    if usage is None:
        return [fine("room", "nothing is spooled yet")]
    reserved = f"{max(0, usage.reserved) // MiB} of {settings.spool_quota // MiB} MiB are reserved"
    free = "" if usage.free is None else f", its disk has {usage.free // MiB} MiB free"
    remedy = "New transfers are held until others have ended"
    if usage.reserved >= NEARLY * settings.spool_quota:
        return [wrong("room", f"{reserved}{free}", f"{remedy}; raise ROLLCAST_SPOOL_QUOTA for more.")]
    if usage.free is not None and usage.free < MARGIN:
        return [wrong("room", f"{reserved}{free}", f"{remedy}; give the spool a bigger disk.")]
    return [fine("room", f"{reserved}{free}")]


async def check_spool(store: Store) -> list[Finding]:
    """Whether what is stored in the spool can be read again."""
    if not await store.probe():
        return [
            wrong("spool", "what was stored is not what is read", "See whether its disk or bucket is sound.")
        ]
    return [fine("spool", "it stores, reads and deletes")]
