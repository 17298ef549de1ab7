"""Receivers that acknowledge nothing: two that are connected and awake, with and without a limit to what they are
given, and one that was stopped."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dev.processes import Program
from rollcast import Credentials
from rollcast.broker import Consumer, Delivery, acknowledge
from rollcast.codec import decode
from rollcast.messages import ConsentAnswered, ConsentAsked, LaneOpened, Register
from rollcast.messages.values import Capabilities
from rollcast.session import Session

PREFETCH = 8
UNLIMITED = 0


@asynccontextmanager
async def silent(credentials: Credentials, prefetch: int) -> AsyncIterator[None]:
    """It answers heartbeats, so it stays connected, and acknowledges no chunk, so it gets `prefetch` of them; all,
    if that is unlimited, until the server cuts it off."""
    async with Session.open(credentials) as session, asyncio.TaskGroup() as tasks:
        lanes: dict[str, asyncio.Task[None]] = {}

        async def hear(delivery: Delivery) -> None:
            match decode(delivery.body):
                case ConsentAsked(offer=offer):
                    await session.tell(ConsentAnswered(transfer_id=offer.transfer_id, accept=True))
                case LaneOpened(lane=lane) if lane not in lanes:
                    taken = Consumer(session.bulk, lane, _keep, prefetch=prefetch)
                    lanes[lane] = tasks.create_task(taken.run())
            await acknowledge(delivery)

        registered = await session.register(Register(capabilities=Capabilities()))
        listening = tasks.create_task(
            Consumer(session.inbound, registered.inbox, hear, prefetch=PREFETCH).run()
        )
        yield
        for task in (listening, *lanes.values()):
            task.cancel()


async def _keep(delivery: Delivery) -> None:
    """Neither take it nor give it back."""


@asynccontextmanager
async def frozen(process: Program) -> AsyncIterator[None]:
    """A `rollcast receive` process that is stopped when its lane is open, and goes on after the block."""
    freezing = asyncio.create_task(_freeze(process))
    try:
        yield
        await freezing
    finally:
        os.kill(process.pid, signal.SIGCONT)


async def _freeze(process: Program) -> None:
    await asyncio.to_thread(process.wait_until, lambda: '"opened"' in process.tail(1_000))
    os.kill(process.pid, signal.SIGSTOP)
