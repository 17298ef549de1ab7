"""What a busy process opens at the database."""

import asyncio

import pytest
from sqlalchemy import text

from dev.postgres import Cluster
from tests.waiting import until_async
from workers.ledger import Database
from workers.ledger.postgres import KEPT, MOST

pytestmark = pytest.mark.long

TRANSACTIONS = 50
OPEN = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rollcast' AND datname = 'busy'")


async def test_a_process_opens_so_many_connections_and_no_more(postgres_cluster: Cluster) -> None:
    """However much it has to do; some of them stay open."""
    busy, watching = Database(postgres_cluster.database("busy")), Database(postgres_cluster.url)
    over = asyncio.Event()

    async def transaction() -> None:
        async with busy.begin():
            await over.wait()

    async def opened() -> int:
        async with watching.begin() as ledger:
            return await ledger.count(OPEN)

    async def until_opened(number: int) -> None:
        async def reached() -> bool:
            return await opened() == number

        await until_async(reached, f"{number} connections are open")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(TRANSACTIONS):
            tasks.create_task(transaction())
        await until_opened(MOST)
        over.set()
    await until_opened(KEPT)
    await asyncio.gather(busy.close(), watching.close())
