"""Plays a worker of the earlier version, run with a broker's URL, a server's name and its domains: it declares and
binds the queues that steps had, again and again, and consumes none of them."""

import asyncio
import sys

from rollcast.broker import Link
from rollcast.topology import EXCHANGES, OPERATOR, STEPS, earlier_step_queue
from workers.broker.declarer import Declarer

EVERY_S = 1.0


async def declare(url: str, server: str, *domains: str) -> None:
    """Declare them once."""
    link = Link(url, "a worker of the earlier version")
    channel, declarer = await link.channel(), Declarer(link)
    for name, kind in EXCHANGES.items():
        await channel.declare_exchange(name, kind, durable=True)
    steps = (step for step in STEPS if step != OPERATOR)
    await declarer.queues(earlier_step_queue(server, step, domains) for step in steps)
    await link.close()


async def _again_and_again(url: str, server: str, *domains: str) -> None:
    while True:
        await declare(url, server, *domains)
        await asyncio.sleep(EVERY_S)


if __name__ == "__main__":
    asyncio.run(_again_and_again(*sys.argv[1:]))
