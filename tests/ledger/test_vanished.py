"""A machine that is gone without a word, in the middle of a transaction, or with the database on it."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest
from sqlalchemy import text

from dev.postgres import Cluster
from dev.processes import tied
from rollcast.errors import Transient
from workers.ledger import Database, postgres
from workers.ledger.migrate import migrate

pytestmark = pytest.mark.long

SOON_S = 2
LOCK = text("SELECT pg_advisory_xact_lock(1)")

HOLDER = f"""
import asyncio, os, signal, sys
from sqlalchemy import text
from workers.ledger import Database, postgres
postgres._SESSION["idle_in_transaction_session_timeout"] = "{SOON_S}s"
async def hold():
    async with Database(sys.argv[1]).begin() as ledger:
        await ledger.execute(text("{LOCK.text}"))
        print("held", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
asyncio.run(hold())
"""


async def test_what_a_vanished_worker_holds_is_let_go_of(postgres_url: str) -> None:
    """Its connection stays open, as that of a machine without power does; nobody waits for it for ever."""
    command = tied([sys.executable, "-c", HOLDER, postgres_url])
    holder = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert holder.stdout is not None
    try:
        assert await holder.stdout.readline() == b"held\n"
        database = Database(postgres_url)
        async with asyncio.timeout(60), database.begin() as ledger:
            await ledger.execute(LOCK)
        await database.close()
    finally:
        holder.kill()
        await holder.wait()


async def test_a_database_that_says_nothing(
    postgres_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is away, whether it falls silent within a transaction or before; and is there again when it speaks."""
    monkeypatch.setattr(postgres, "ANSWERED_WITHIN_S", SOON_S)
    monkeypatch.setattr(postgres, "CONNECTED_WITHIN_S", SOON_S)
    database = Database(postgres_cluster.url)
    with pytest.raises(Transient):
        await _answered(database, lambda: _silent(postgres_cluster))
    with _silent(postgres_cluster), pytest.raises(Transient):
        await _answered(database)
    assert await _answered(database) == 1
    await database.close()


async def test_a_migration_may_take_its_time(
    postgres_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else waits for what it does, and it must not begin again and again."""
    monkeypatch.setattr(postgres, "ANSWERED_WITHIN_S", SOON_S)
    url = postgres_cluster.database("slow")
    first = Database(url)
    async with first.begin() as ledger:
        await ledger.execute(text("SELECT pg_advisory_xact_lock(7055278219)"))
        waiting = asyncio.create_task(migrate(url))
        done, _ = await asyncio.wait({waiting}, timeout=2 * SOON_S)
        assert not done
    await waiting
    await first.close()


async def test_the_way_to_a_database_is_written_as_everywhere(postgres_url: str) -> None:
    """With `sslmode`; this server speaks without TLS only, and says so."""
    allowed, required = (Database(f"{postgres_url}?sslmode={mode}") for mode in ("prefer", "require"))
    assert await _answered(allowed) == 1
    with pytest.raises(Transient, match="SSL"):
        await _answered(required)
    await asyncio.gather(allowed.close(), required.close())


async def _answered(
    database: Database, within: Callable[[], AbstractContextManager[None]] = nullcontext
) -> int:
    async with asyncio.timeout(60), database.begin() as ledger:
        with within():
            return await ledger.count(text("SELECT 1"))


@contextmanager
def _silent(cluster: Cluster) -> Iterator[None]:
    """All its processes stand still: connections are accepted, and nothing is answered."""
    first = int((cluster.folder / "data" / "postmaster.pid").read_text().split()[0])
    # Its children are not gone, though they end, as long as the first one stands still.
    os.kill(first, signal.SIGSTOP)
    children = [int(pid) for pid in Path(f"/proc/{first}/task/{first}/children").read_text().split()]
    for pid in children:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in [*children, first]:
            os.kill(pid, signal.SIGCONT)
