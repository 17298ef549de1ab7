"""The accounts of the domains served here."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, delete, select, update

from rollcast.addresses import domain_of
from rollcast.messages.values import Account, Capabilities, Limits
from workers.ledger.database import Ledger
from workers.ledger.tables import accounts


def limits_of(row: Row[Any]) -> Limits:
    """What the account may do."""
    return msgspec.msgpack.decode(row.limits, type=Limits)


def capabilities_of(row: Row[Any]) -> Capabilities | None:
    """What its terminal can take; None before it has ever registered to receive."""
    return msgspec.msgpack.decode(row.capabilities, type=Capabilities) if row.capabilities else None


def account_of(row: Row[Any]) -> Account:
    """The account as an operator sees it."""
    return Account(
        address=row.address,
        suspended=row.suspended,
        limits=limits_of(row),
        registered_at=row.registered_at,
    )


async def find(ledger: Ledger, addresses: Iterable[str]) -> dict[str, Row[Any]]:
    """Those of the addresses that have an account."""
    query = select(accounts).where(accounts.c.address.in_(list(addresses)))
    return {row.address: row for row in await ledger.all(query)}


async def page(ledger: Ledger, domain: str, after: str, size: int) -> Sequence[Row[Any]]:
    """The accounts of a domain whose addresses come behind `after`."""
    query = (
        select(accounts)
        .where(accounts.c.domain == domain, accounts.c.address > after)
        .order_by(accounts.c.address)
        .limit(size)
    )
    return await ledger.all(query)


async def suspensions(ledger: Ledger, domains: Iterable[str]) -> dict[str, bool]:
    """All accounts of some domains: whether each is suspended."""
    query = select(accounts.c.address, accounts.c.suspended).where(accounts.c.domain.in_(list(domains)))
    return {row.address: bool(row.suspended) for row in await ledger.all(query)}


async def add(ledger: Ledger, address: str, limits: Limits, request: str | None) -> None:
    """Add an account, at an operator's `request` (its correlation id)."""
    row = {"address": address, "domain": domain_of(address), "limits": msgspec.msgpack.encode(limits)}
    made = {"suspended": False, "added_by": request, "derived_password": False}
    await ledger.execute(ledger.insert(accounts).values(row | made).on_conflict_do_nothing())


async def note_password(ledger: Ledger, address: str) -> None:
    """An account gets a password that nothing tells."""
    await ledger.execute(update(accounts).where(accounts.c.address == address).values(derived_password=False))


async def with_derived_password(ledger: Ledger, domain: str) -> list[str]:
    """The accounts of a domain whose passwords could be derived from what an earlier version of the server kept."""
    query = select(accounts.c.address).where(accounts.c.domain == domain, accounts.c.derived_password)
    return [row.address for row in await ledger.all(query.order_by(accounts.c.address))]


async def remove(ledger: Ledger, address: str) -> None:
    """Delete an account."""
    await ledger.execute(delete(accounts).where(accounts.c.address == address))


async def suspend(ledger: Ledger, address: str, suspended: bool) -> None:
    """Suspend an account, or let it go on."""
    await ledger.execute(update(accounts).where(accounts.c.address == address).values(suspended=suspended))


async def register(ledger: Ledger, address: str, capabilities: Capabilities | None) -> None:
    """Note that a terminal is there, and what it can take if it receives."""
    values: dict[str, Any] = {"registered_at": ledger.now}
    if capabilities is not None:
        values["capabilities"] = msgspec.msgpack.encode(capabilities)
    await ledger.execute(update(accounts).where(accounts.c.address == address).values(values))
