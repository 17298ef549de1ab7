"""How a process stands: alive as long as no pool has died, ready while all that it needs is there."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rollcast.broker import Consumer, Link
from rollcast.errors import Transient
from workers.pool import Pool
from workers.process.probe import Probe
from workers.process.standing import RUNNING, STOPPING, Standing

NOWHERE = "amqp://nobody:secret@127.0.0.1:1"


class Place(Link):
    """A connection that is open or not, as a test says."""

    up = True

    @property
    def is_open(self) -> bool:
        """As the test says."""
        return self.up


class Process:
    """A process with two pools, one of which consumes."""

    def __init__(self) -> None:
        self.deaths = 0
        self.link = Place(NOWHERE, "test")
        self.consumer = Consumer(self.link, "q", self._take, prefetch=1)
        self.consumer.ready.set()
        self.pools = [Pool("s260", self._died), Pool("clock", self._died)]
        self.pools[0].consumes("rollcast.step2.main.s260", self.consumer)
        self.ledger: Exception | None = None
        self.rights: str | None = None
        self.standing = Standing(self.pools, self.link, self._ping, {"rights": lambda: self.rights})

    async def _take(self, _: object) -> None:
        """Never called."""

    def _died(self) -> None:
        self.deaths += 1

    async def _ping(self) -> None:
        if self.ledger is not None:
            raise self.ledger

    @asynccontextmanager
    async def running(self, *works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """With the pools at work; the first does `works` beside."""
        self.standing.phase = RUNNING
        async with asyncio.TaskGroup() as group:
            self.pools[0].start(group, [_for_ever(), *works])
            self.pools[1].start(group, [_for_ever()])
            await asyncio.sleep(0)
            yield
            for pool in self.pools:
                pool.cancel()


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def test_all_is_well() -> None:
    """Each pool says so."""
    process = Process()
    async with process.running():
        ready = await process.standing.ready()
        assert ready.well
        assert ready.told == {
            "ready": True,
            "phase": "running",
            "broker": "ok",
            "ledger": "ok",
            "rights": "ok",
            "pools": {"s260": "ok", "clock": "ok"},
        }
        assert process.standing.alive().told == {
            "alive": True,
            "phase": "running",
            "pools": {"s260": "ok", "clock": "ok"},
        }


async def test_what_else_is_needed() -> None:
    """It is named, with what is wrong with it."""
    process = Process()
    process.rights = "rollcast.up is closed"
    async with process.running():
        ready = await process.standing.ready()
        assert not ready.well
        assert ready.told["rights"] == "rollcast.up is closed"


async def test_before_the_pools_start() -> None:
    """Alive, and not ready."""
    process = Process()
    process.standing.phase = "waiting for the broker"
    ready = await process.standing.ready()
    assert not ready.well
    assert ready.told["phase"] == "waiting for the broker"
    assert ready.told["pools"] == {"s260": "has not started", "clock": "has not started"}
    assert process.standing.alive().well


async def test_a_pool_that_does_not_consume() -> None:
    """It is named, with its queue; there is no reason to start the process again."""
    process = Process()
    async with process.running():
        process.consumer.ready.clear()
        ready = await process.standing.ready()
        assert not ready.well
        assert ready.told["pools"] == {
            "s260": "does not consume rollcast.step2.main.s260",
            "clock": "ok",
        }
        assert process.standing.alive().well


async def test_without_broker_or_ledger() -> None:
    """Either is enough not to be ready, neither to be dead; a password is not told."""
    process = Process()
    async with process.running():
        process.link.up = False
        away = await process.standing.ready()
        assert (away.well, away.told["broker"], away.told["ledger"]) == (False, "not connected", "ok")
        process.link.up, process.ledger = True, Transient(f"nothing at {NOWHERE}")
        shut = await process.standing.ready()
        assert (shut.well, shut.told["broker"]) == (False, "ok")
        assert shut.told["ledger"] == "nothing at amqp://nobody:***@127.0.0.1:1"
        assert process.standing.alive().well


async def test_a_process_that_stops() -> None:
    """It is not ready any more, and not dead because its pools have ended."""
    process = Process()
    async with process.running():
        process.standing.phase = STOPPING
        assert not (await process.standing.ready()).well
    alive = process.standing.alive()
    assert alive.well
    assert alive.told["pools"] == {"s260": "has ended", "clock": "has ended"}


async def test_a_pool_that_has_died() -> None:
    """The process is dead, says of what, and will not take for ever to leave."""
    process = Process()

    async def fails() -> None:
        raise ValueError("no such table")

    with pytest.raises(ExceptionGroup):
        async with process.running(fails()):
            await _for_ever()
    alive = process.standing.alive()
    assert not alive.well
    assert alive.told["alive"] is False
    assert process.deaths == 1
    assert not (await process.standing.ready()).well


class Slow:
    """Something that answers when a test lets it."""

    def __init__(self) -> None:
        self.asked = 0
        self.heard = asyncio.Event()
        self.answer = asyncio.Event()

    async def ask(self) -> None:
        """Answer, in the end."""
        self.asked += 1
        self.heard.set()
        await self.answer.wait()


async def test_nobody_waits_long_for_an_answer() -> None:
    """All who want to know while a question is out wait for the same one; then it is asked anew."""
    slow = Slow()
    probe = Probe(slow.ask, within=0.05)
    assert {*await asyncio.gather(probe.fault(), probe.fault())} == {"no answer within 0.05 s"}
    assert await probe.fault() == "no answer within 0.05 s"
    assert slow.asked == 1
    slow.answer.set()
    assert await probe.fault() is None
    assert await probe.fault() is None
    assert slow.asked == 2


async def test_a_question_that_is_out_is_taken_back() -> None:
    """Closing waits for nothing, and who still waits is told that there is no answer."""
    slow = Slow()
    probe = Probe(slow.ask, within=10)
    waiting = asyncio.create_task(probe.fault())
    await slow.heard.wait()
    async with asyncio.timeout(5):
        await probe.close()
        assert await waiting == "no answer within 10 s"
