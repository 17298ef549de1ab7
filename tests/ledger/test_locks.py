"""Who holds a lock of PostgreSQL waits for no other one that goes round in a circle."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rollcast.messages import CancelRequested, SenderCheckDue
from rollcast.states import Transfer
from tests.people import ACME, ALICE, BOB
from tests.unit.steps.build import OTHER_T, SECOND, MiB, T, at, by, file, request
from tests.unit.steps.test_clock import tick
from tests.unit.steps.world import World
from workers.ledger import Ledger, sent
from workers.s220_check_sender import check_sender
from workers.work import Services


@asynccontextmanager
async def another(world: World) -> AsyncIterator[Ledger]:
    """The transaction of another worker."""
    async with world.database.begin() as ledger:
        yield ledger


async def test_room_is_given_back_while_a_held_transfer_is_checked(world: World) -> None:
    """S310 waits for the transfer that S220 has locked, before it locks the room that S220 is to reserve."""
    await world.settle(by(ALICE, request(transfer_id=OTHER_T, file=file(size=900 * MiB))))
    await world.settle(by(ALICE, request([BOB])))
    assert await world.state() == Transfer.HELD
    async with another(world) as ledger:
        await sent.lock(ledger, [T])
        closing = asyncio.create_task(world.tell(by(ALICE, CancelRequested(transfer_id=OTHER_T))))
        await asyncio.wait([closing], timeout=0.5)
        await check_sender([at(ACME, SenderCheckDue(transfer_id=T))], Services(ledger, world.settings))
    await closing
    assert await world.reserved() == 0
    assert [type(one.message) for one in await tick(world)] == [SenderCheckDue]


async def test_the_clock_waits_for_nobody(world: World) -> None:
    """A transfer that another worker has locked moves; the others are due all the same."""
    await world.tell(by(ALICE, request()))
    await world.tell(by(ALICE, request(transfer_id=OTHER_T)))
    world.pass_time(6 * SECOND)
    async with another(world) as ledger:
        await sent.lock(ledger, [T])
        (prompt,) = await asyncio.wait_for(tick(world), 5)
    assert prompt.message == SenderCheckDue(transfer_id=OTHER_T)
