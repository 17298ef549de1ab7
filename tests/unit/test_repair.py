"""Asking for what did not come."""

import asyncio

import pytest

from rollcast.backoff import Silence
from rollcast.chunks import IndexSet
from rollcast.receiving import repair
from rollcast.receiving.repair import MAX_BYTES, Repair

CHUNK = 65_536
ONCE = MAX_BYTES // CHUNK


class Asked:
    """A repair and its requests, with short waits."""

    def __init__(self, count: int) -> None:
        self.had = IndexSet(count)
        self.silence = Silence()
        self.requests: asyncio.Queue[list[tuple[int, int]]] = asyncio.Queue()
        self.repair = Repair(self.had, CHUNK, self.silence, self.requests.put)

    async def next(self) -> list[tuple[int, int]]:
        """The next request."""
        return await asyncio.wait_for(self.requests.get(), 5)

    def answer(self, first: int, stop: int) -> None:
        """The chunks that were asked for, and the end of the answer."""
        self.had.add_range(first, stop)
        self.repair.end_cast()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundredths instead of seconds."""
    monkeypatch.setattr(repair, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(repair, "QUIET", 0.05)


async def test_a_request_is_bounded_and_the_next_follows_its_answer() -> None:
    """64 MiB at a time, one request after the other, until nothing is missing."""
    asked = Asked(2 * ONCE + 3)
    running = asyncio.create_task(asked.repair.run())
    asked.repair.end_cast()
    for first, stop in [(0, ONCE), (ONCE, 2 * ONCE), (2 * ONCE, 2 * ONCE + 3)]:
        assert await asked.next() == [(first, stop)]
        assert asked.requests.empty()
        asked.answer(first, stop)
    await asyncio.wait_for(running, 5)


async def test_an_unanswered_request_is_repeated() -> None:
    """It may be lost, or its answer."""
    asked = Asked(2)
    running = asyncio.create_task(asked.repair.run())
    asked.repair.end_cast()
    assert await asked.next() == await asked.next() == [(0, 2)]
    asked.answer(0, 2)
    await asyncio.wait_for(running, 5)


async def test_an_empty_answer_is_no_reason_to_ask_at_once() -> None:
    """A server that has nothing yet is not asked in a loop."""
    asked = Asked(1)
    running = asyncio.create_task(asked.repair.run())
    asked.repair.end_cast()
    begin = asyncio.get_running_loop().time()
    for _ in range(3):
        await asked.next()
        asked.repair.end_cast()
    assert asyncio.get_running_loop().time() - begin > 0.1
    running.cancel()


async def test_a_prompt_counts_only_when_nothing_comes() -> None:
    """While chunks come there is no need to ask."""
    asked = Asked(2)
    running = asyncio.create_task(asked.repair.run())
    asked.repair.prompt()
    await asyncio.sleep(0)
    asked.silence.end()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asked.requests.get(), 0.15)
    asked.repair.prompt()
    assert await asked.next() == [(0, 2)]
    running.cancel()
