"""A server for each domain, each with a database and a part of the bucket of its own."""

from pathlib import Path

import pytest
from sqlalchemy import Table, func, select

from dev import s3
from dev.broker import Broker
from dev.postgres import Cluster
from rollcast.topology import MiB
from tests.e2e import damage
from tests.e2e.site import until
from tests.e2e.underway import digest
from tests.e2e.world import clean, deployed, random_file
from tests.people import ACME, ALICE, BOB, CAROL, GLOBEX, SERVER_PER_DOMAIN
from workers.ledger import Database
from workers.ledger.tables import invited_transfers, sent_transfers

pytestmark = pytest.mark.long

KINDS = ("live", "eager")


@pytest.mark.timeout(300)
async def test_each_keeps_its_half(tmp_path: Path, node: Broker, postgres_cluster: Cluster) -> None:
    """What is sent is in the ledger and the spool of the sender's server, the consent in that of the receiver's."""
    clean(node)
    ledgers = {name: postgres_cluster.database(f"server_{name}") for name in SERVER_PER_DOMAIN}
    with (
        s3.bucket(tmp_path / "s3") as bucket,
        deployed(
            tmp_path,
            node,
            SERVER_PER_DOMAIN,
            ledgers=ledgers,
            spools={name: f"{bucket.url}/{name}" for name in SERVER_PER_DOMAIN},
            environment=bucket.environment(),
        ) as world,
    ):
        world.add(ALICE)
        world.receive(BOB)
        world.receive(CAROL)
        for kind in KINDS:
            source = random_file(tmp_path / f"{kind}.bin", 2 * MiB + 1)
            done = world.send(source, ALICE, [BOB, CAROL], "--upload", kind)
            assert done.status == 0, done.said
            assert all(digest(world.inbox(who) / source.name) == digest(source) for who in (BOB, CAROL))
        until(lambda: not bucket.objects(), "the bucket is empty")
        until(lambda: not damage.names(node, "rollcast.lane."), "there are no lanes")
    assert await rows(ledgers[ACME], sent_transfers, invited_transfers) == [2, 2]
    assert await rows(ledgers[GLOBEX], sent_transfers, invited_transfers) == [0, 2]


async def rows(url: str, *tables: Table) -> list[int]:
    """How many rows each of these tables has."""
    database = Database(url)
    async with database.begin() as ledger:
        counted = [await ledger.count(select(func.count()).select_from(table)) for table in tables]
    await database.close()
    return counted
