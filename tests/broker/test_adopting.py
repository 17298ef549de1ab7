"""`adopt`: another ledger, spool or set of domains takes the place of what a server had, unless its workers run."""

from typing import Any

import pytest
from aio_pika.abc import AbstractChannel

from rollcast.errors import Permanent
from tests.broker.worksite import Worksite
from tests.revisions import begin_at
from workers.identity.conflicts import Conflict
from workers.settings import Settings
from workers.spool.store import Store

OLD = "0" * 32
"""A transfer."""


async def test_a_spool_that_was_moved_away_from(site: Worksite) -> None:
    """After the adoption of another one nobody starts with the former, and a worker that runs with it ends."""
    running = await site.starts()
    await site.adopts(spool="second")
    with pytest.raises(Conflict, match="is the spool"):
        await running.check()
    with pytest.raises(Conflict, match="is the spool"):
        await site.starts()
    await site.starts(spool="second")


async def test_a_new_ledger_is_adopted(site: Worksite) -> None:
    """With the spool of the former one, and the broker's mark; nobody starts with the former any more."""
    running = await site.starts()
    await site.adopts(ledger="second")
    await site.starts(ledger="second")
    for look in (running.declare(), running.check(), site.starts()):
        with pytest.raises(Conflict, match=r"ROLLCAST_LEDGER|ROLLCAST_SPOOL"):
            await look


async def test_a_backup_from_before_ledgers_had_ids(site: Worksite) -> None:
    """It gets an id of its own as it is migrated: it is refused, and can be adopted with the spool as it is."""
    await site.starts()
    store = Store(site.settings().spool_url)
    await store.put(OLD, 0, b"chunk")
    await begin_at("0005", site.ledger("backup"))
    with pytest.raises(Conflict, match="ROLLCAST_LEDGER"):
        await site.starts(ledger="backup")
    await site.adopts(ledger="backup")
    await site.starts(ledger="backup")
    assert await store.get(OLD, 0) == b"chunk"


async def test_adopting_twice_changes_nothing(site: Worksite) -> None:
    """As after an adoption that was cut short."""
    await site.starts()
    await site.adopts(ledger="second", spool="second")
    recorded = await site.recorded("second")
    await site.adopts(ledger="second", spool="second")
    assert await site.recorded("second") == recorded
    await site.starts(ledger="second", spool="second")


async def test_nothing_is_adopted_while_others_run(
    site: Worksite, server: Settings, consumed: str, admin: AbstractChannel
) -> None:
    """Neither from this server's workers nor from those whose ledger or spool it would be."""
    await site.starts()
    other: dict[str, Any] = {"server": f"{server.server}-other", "ledger": "other"}
    async with site.others_run(admin, consumed):
        for named in ({"ledger": "second"}, {"spool": "second"}, other):
            with pytest.raises(
                Permanent, match=f"nothing is adopted: workers of the server '{server.server}'"
            ):
                await site.adopts(**named)
    await site.starts()


async def test_a_domain_is_added_while_workers_run(
    site: Worksite, server: Settings, consumed: str, admin: AbstractChannel
) -> None:
    """By adopting it: new workers start with it, those that run find out."""
    running = await site.starts()
    more = (*server.domains, f"{server.server}-initech")
    async with site.others_run(admin, consumed):
        await site.adopts(domains=more)
        await site.starts(domains=more)
    with pytest.raises(Conflict, match="ROLLCAST_DOMAINS"):
        await running.check()
