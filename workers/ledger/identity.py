"""What a ledger records of itself and of the server that it belongs to."""

from dataclasses import dataclass

from sqlalchemy import select, update

from workers.ledger.database import Ledger
from workers.ledger.tables import identity


@dataclass(frozen=True)
class Identity:
    """The ledger's own id (32 hex), and what belongs to it; None: not recorded yet. `domains` are sorted."""

    ledger: str
    server: str | None = None
    domains: tuple[str, ...] | None = None
    spool: str | None = None


async def load(ledger: Ledger, *, locked: bool = False) -> Identity:
    """What is recorded. `locked`: nobody else can change it before the transaction ends."""
    query = select(identity)
    row = (await ledger.execute(query.with_for_update() if locked else query)).one()
    domains = None if row.domains is None else tuple(row.domains.split(","))
    return Identity(row.ledger_id, row.server, domains, row.spool_id)


async def record(ledger: Ledger, found: Identity) -> None:
    """Record server, domains and spool."""
    domains = None if found.domains is None else ",".join(found.domains)
    values = {"server": found.server, "domains": domains, "spool_id": found.spool}
    await ledger.execute(update(identity).values(values))
