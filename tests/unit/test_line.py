"""Deliveries wait in line for their handlers, as long as they can still be settled."""

import asyncio
from collections.abc import Sequence

from rollcast.broker import Delivery
from tests.deliveries import FakeDelivery
from workers.line import FULL, Line

BATCH = 8


async def served(line: Line) -> list[Delivery]:
    """All that is in line, as a handler gets it."""
    handled: list[Delivery] = []

    async def handle(batch: Sequence[Delivery]) -> None:
        handled.extend(batch)

    serving = asyncio.create_task(line.serve(handle))
    await line.drained()
    serving.cancel()
    return handled


async def test_what_came_through_lost_connections_does_not_pile_up() -> None:
    """However often the same messages come again while nobody handles them."""
    line = Line(BATCH)
    for _ in range(100):
        letters = [FakeDelivery() for _ in range(BATCH)]
        for letter in letters:
            await line.take(letter.delivery())
        for letter in letters:
            letter.lost = True
    last = FakeDelivery().delivery()
    await line.take(last)
    handled = await served(line)
    assert len(handled) <= FULL * BATCH + 1
    assert handled[-1] is last


async def test_nothing_is_dropped_that_can_be_settled() -> None:
    """A long line is no reason."""
    line = Line(BATCH)
    letters = [FakeDelivery().delivery() for _ in range(10 * FULL * BATCH)]
    for letter in letters:
        await line.take(letter)
    assert await served(line) == letters
