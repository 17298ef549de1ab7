"""Housekeeping: what is old is forgotten, what is open is not; how much room there is is noted."""

from pathlib import Path
from shutil import disk_usage

import pytest
from sqlalchemy import Table, func, select

from rollcast.messages import CancelRequested
from rollcast.states import Transfer
from tests.people import ALICE, BOB, CAROL
from tests.unit.steps.build import OTHER_T, T, by, of, request
from tests.unit.steps.test_clock import tick
from tests.unit.steps.world import SETTINGS, World
from workers.broker.management import Management
from workers.keeping import AT_A_TIME, DAY, Keeper
from workers.ledger.tables import (
    events,
    invited_receivers,
    invited_transfers,
    sent_receivers,
    sent_transfers,
    spool_usage,
)
from workers.spool.store import Store

RETENTION = round(SETTINGS.retention_days * DAY)
MANY = 2 * AT_A_TIME + AT_A_TIME // 2


class Gauge(Management):
    """A broker that is as full as a test says."""

    def __init__(self) -> None:
        super().__init__(None, "/")
        self.full: str | None = None

    async def fullness(self) -> str | None:
        """Why it should not be given more."""
        return self.full


def keeper_of(world: World, folder: Path, management: Management) -> Keeper:
    """A housekeeper with a spool in a folder."""
    return Keeper(world.settings, world.database, Store(f"file://{folder}"), management)


async def prune(world: World, folder: Path) -> None:
    """Let what is old be forgotten."""
    await keeper_of(world, folder, Gauge()).prune()


async def rows(world: World, table: Table) -> int:
    """How many rows a table has."""
    async with world.database.begin() as ledger:
        return await ledger.count(select(func.count()).select_from(table))


async def known(world: World) -> set[str]:
    """The transfers that the receivers' half knows."""
    async with world.database.begin() as ledger:
        return {row.transfer_id for row in await ledger.all(select(invited_transfers.c.transfer_id))}


async def cancelled(world: World, transfer_id: str) -> None:
    """A transfer that was begun, and that has ended everywhere."""
    await world.asking(request(transfer_id=transfer_id))
    await world.settle(by(ALICE, CancelRequested(transfer_id=transfer_id)))
    assert await world.state(transfer_id) == Transfer.CANCELLED


async def test_what_ended_long_ago_is_forgotten(world: World, tmp_path: Path) -> None:
    """The events and what the receivers' half knows; the sender's half keeps its report."""
    await cancelled(world, T)
    world.pass_time(RETENTION + DAY)
    await prune(world, tmp_path)
    assert await known(world) == set()
    assert [await rows(world, table) for table in (events, invited_receivers)] == [0, 0]
    assert [await rows(world, table) for table in (sent_transfers, sent_receivers)] == [1, 2]


async def test_what_ended_lately_is_remembered(world: World, tmp_path: Path) -> None:
    """A day before its time nothing of it is gone, and what is older is."""
    await cancelled(world, OTHER_T)
    world.pass_time(2 * DAY)
    await cancelled(world, T)
    kept = await rows(world, events) // 2
    world.pass_time(RETENTION - DAY)
    await prune(world, tmp_path)
    assert await known(world) == {T}
    assert set(await world.invited(T)) == {BOB, CAROL}
    assert await rows(world, events) == kept


async def test_what_is_open_is_not_forgotten(world: World, tmp_path: Path) -> None:
    """However old it is: only a closing begins the time after which an invitation goes."""
    await world.casting(request())
    world.pass_time(10 * RETENTION)
    await prune(world, tmp_path)
    assert await known(world) == {T}
    assert set(await world.invited(T)) == {BOB, CAROL}
    assert set(await world.sent(T)) == {BOB, CAROL}


async def test_more_than_fits_into_a_batch(world: World, tmp_path: Path) -> None:
    """All of it goes at once, in several transactions."""
    async with world.database.begin() as ledger:
        long_ago = ledger.now - RETENTION - DAY
        ids = [f"{number:032x}" for number in range(MANY)]
        closed = [{"transfer_id": one, "expires_at": long_ago, "closed_at": long_ago} for one in ids]
        invited = [{"transfer_id": t, "address": BOB, "state": "cancelled", "revision": 1} for t in ids]
        happened = [{"at": long_ago, "transfer_id": one, "event": "asking"} for one in ids]
        await ledger.execute(invited_transfers.insert(), closed)
        await ledger.execute(invited_receivers.insert(), invited)
        await ledger.execute(events.insert(), happened)
    await prune(world, tmp_path)
    for table in (invited_transfers, invited_receivers, events):
        assert await rows(world, table) == 0, table.name


async def test_who_waits_is_called_when_the_broker_has_room_again(world: World, tmp_path: Path) -> None:
    """At once, and not with the next of ever rarer prompts."""
    gauge = Gauge()
    keeper = keeper_of(world, tmp_path, gauge)
    gauge.full = "the broker's memory is full"
    await keeper.measure()
    await world.settle(by(ALICE, request()))
    assert await world.state() == Transfer.HELD
    await world.change(due_at=2**60)
    await keeper.measure()
    assert not await tick(world)
    gauge.full = None
    await keeper.measure()
    due = of(await tick(world), object)
    assert [type(one).__name__ for one in due] == ["ToStep", "SenderCheckDue"]


async def test_the_disk_is_measured(world: World, tmp_path: Path) -> None:
    """The bytes that are free on it are written down."""
    await keeper_of(world, tmp_path, Gauge()).measure()
    async with world.database.begin() as ledger:
        noted = await ledger.first(select(spool_usage))
    assert noted is not None
    assert noted.server == world.settings.server
    assert noted.free == pytest.approx(disk_usage(tmp_path).free, rel=0.2)
