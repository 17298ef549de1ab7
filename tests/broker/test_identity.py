"""Workers that name another ledger, spool or domains than their server has do not start; the first records them."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from aio_pika import Message
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused
from structlog.testing import capture_logs

from rollcast.broker import Link
from rollcast.topology import identity_exchange
from tests.broker.worksite import Worksite
from tests.waiting import until
from workers.identity import guard, mark
from workers.identity.conflicts import Conflict, OthersServe
from workers.settings import Settings
from workers.spool.store import Store

OLD = "0" * 32
"""A transfer."""


async def test_the_first_worker_records_all(site: Worksite, server: Settings) -> None:
    """Ledger and broker know the server, the spool has a mark; others find the same, in any order of domains."""
    await site.starts()
    recorded = await site.recorded()
    assert (recorded.server, recorded.domains) == (server.server, tuple(sorted(server.domains)))
    marked = await mark.read(Store(site.settings().spool_url))
    assert marked == mark.Mark(server.server, recorded.ledger, recorded.spool or "")
    await site.starts(domains=tuple(reversed(server.domains)))
    assert await site.recorded() == recorded


async def test_many_start_at_once(site: Worksite) -> None:
    """As when a server is deployed."""
    await site.many_start(6)


async def test_two_ledgers_start_at_once(site: Worksite) -> None:
    """The broker knows one of them afterwards, and the workers of the other have not started."""
    ways = await asyncio.gather(
        *(site.starts(ledger=name, with_spool=False) for name in ("first", "second")), return_exceptions=True
    )
    refused = [way for way in ways if isinstance(way, BaseException)]
    assert [type(way) for way in refused] == [Conflict], ways


async def test_another_ledger(site: Worksite, server: Settings) -> None:
    """As of a second machine with the default, or of a second server of that name. Nothing of it is recorded."""
    await site.starts()
    first, second = await site.recorded(), await site.recorded("second")
    with pytest.raises(Conflict) as raised:
        await site.starts(ledger="second", spool="second")
    assert str(raised.value) == (
        f"ROLLCAST_LEDGER names the ledger {second.ledger[:8]}, and on this broker the server "
        f"'{server.server}' has the ledger {first.ledger[:8]}"
    )
    assert "ROLLCAST_SERVER" in raised.value.hint
    assert "python -m workers adopt" in raised.value.hint
    assert (await site.recorded("second")).server is None
    assert not site.spool("second").exists() or not list(site.spool("second").iterdir())


async def test_the_ledger_of_another_server(site: Worksite, server: Settings) -> None:
    """It is refused, though the broker does not know this server yet."""
    await site.starts()
    name = f"{server.server}-other"
    with pytest.raises(
        Conflict, match=f"ROLLCAST_LEDGER .* belongs to the server '{server.server}', and ROLL"
    ):
        await site.starts(server=name, spool="second")
    assert not await site.declarer.has_exchange(identity_exchange(name, "").name)


async def test_another_spool(site: Worksite, server: Settings) -> None:
    """Empty, or another server's; pools that do not need one start all the same."""
    await site.starts()
    spool = (await site.recorded()).spool or ""
    with pytest.raises(Conflict) as raised:
        await site.starts(spool="second")
    assert str(raised.value).startswith(
        f"ROLLCAST_SPOOL names file://{site.spool('second')}, which has no mark"
    )
    assert str(raised.value).endswith(f"has the spool {spool[:8]}")
    await site.starts(server=f"{server.server}-other", ledger="other", spool="second")
    with pytest.raises(
        Conflict, match=f"is the spool .* of the server '{server.server}-other' with the ledger"
    ):
        await site.starts(spool="second")
    await site.starts(spool="second", with_spool=False)


async def test_an_empty_ledger_with_a_spool_that_is_in_use(site: Worksite, server: Settings) -> None:
    """On a new broker, which knows nothing: the spool's mark is enough, and the broker gets none."""
    await site.starts()
    exchange = identity_exchange(server.server, "").name
    await site.declarer.delete_exchange(exchange)
    with pytest.raises(Conflict, match=r"ROLLCAST_SPOOL .* has recorded none yet"):
        await site.starts(ledger="second")
    assert not await site.declarer.has_exchange(exchange)


async def test_a_system_from_before_there_were_marks(
    site: Worksite, consumed: str, admin: AbstractChannel
) -> None:
    """Chunks are in the spool, older workers run beside: the first new worker records all, and the chunks stay."""
    store = Store(site.settings().spool_url)
    await store.put(OLD, 0, b"chunk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "DECLARED_AGAIN_WITHIN", 0.1)
        async with site.others_run(admin, consumed):
            await site.starts()
    assert await store.get(OLD, 0) == b"chunk"
    assert (await site.recorded()).spool is not None


async def test_a_mark_that_the_broker_has_lost_is_waited_for(
    site: Worksite, server: Settings, consumed: str, admin: AbstractChannel
) -> None:
    """All exchanges are deleted; a worker with a new ledger starts before those that run have declared them again."""
    running = await site.starts()
    await site.declarer.delete_exchange(identity_exchange(server.server, "").name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "DECLARED_AGAIN_WITHIN", 3.0)
        with capture_logs() as said:
            async with site.others_run(admin, consumed), asyncio.TaskGroup() as tasks:
                wrong = tasks.create_task(_refused(site, ledger="second", spool="second"))
                await until(lambda: any("other workers run" in line["event"] for line in said), "it waits")
                await running.declare()
    assert "ROLLCAST_LEDGER" in str(wrong.result())


async def test_what_is_deleted_on_the_broker_is_declared_again(site: Worksite, server: Settings) -> None:
    """With the same mark."""
    running = await site.starts()
    await site.declarer.delete_exchange(identity_exchange(server.server, "").name)
    await running.declare()
    with pytest.raises(Conflict, match="ROLLCAST_LEDGER"):
        await site.starts(ledger="second", spool="second")


async def test_nobody_publishes_to_the_mark(site: Worksite, server: Settings) -> None:
    """Nothing can pile up there, nor be sent by it."""
    await site.starts()
    link = Link(server.amqp_url, "test")
    exchange = await (await link.channel()).get_exchange(
        identity_exchange(server.server, "").name, ensure=False
    )
    with pytest.raises(ChannelAccessRefused):
        await exchange.publish(Message(b""), "")
    await link.close()


async def test_a_lost_spool(site: Worksite) -> None:
    """It is refused by who starts, and by who runs; adopted, it is the server's, with a new id."""
    running = await site.starts()
    before = await site.recorded()
    (site.spool("first") / mark.NAME).unlink()
    for look in (running.check(), site.starts()):
        with pytest.raises(Conflict, match=r"ROLLCAST_SPOOL .* has no mark"):
            await look
    await site.adopts()
    await site.starts()
    after = await site.recorded()
    assert after.spool not in (None, before.spool)
    assert (after.ledger, after.server, after.domains) == (before.ledger, before.server, before.domains)


async def test_a_backup_of_the_ledger(site: Worksite) -> None:
    """It has the ledger's id, so workers start with it, and with the spool as it is."""
    await site.starts()
    with closing(sqlite3.connect(site.folder / "first.db")) as ledger:
        ledger.execute("VACUUM INTO ?", [str(site.folder / "backup.db")])
    await site.starts(ledger="backup")
    assert await site.recorded("backup") == await site.recorded()


async def test_other_domains(site: Worksite, server: Settings, consumed: str, admin: AbstractChannel) -> None:
    """They wait while others run, and are recorded when nobody does; the former ones are refused then."""
    running = await site.starts()
    fewer = server.domains[:1]
    async with site.others_run(admin, consumed):
        with pytest.raises(OthersServe) as raised:
            await site.starts(domains=fewer)
    assert str(raised.value) == (
        f"ROLLCAST_DOMAINS is {fewer[0]}, and the server '{server.server}' has {','.join(server.domains)}"
    )
    await running.check()
    await site.starts(domains=fewer)
    assert (await site.recorded()).domains == fewer
    with pytest.raises(Conflict, match="ROLLCAST_DOMAINS"):
        await running.check()
    async with site.others_run(admin, consumed):
        with pytest.raises(OthersServe, match=f"ROLLCAST_DOMAINS is {','.join(server.domains)}, and"):
            await site.starts()


async def _refused(site: Worksite, **named: Any) -> Conflict:
    with pytest.raises(Conflict) as raised:
        await site.starts(**named)
    return raised.value
