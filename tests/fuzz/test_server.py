"""A whole server: what its steps say to each other comes to an end, whatever it begins with."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast.errors import RollcastError
from rollcast.topology import STEP, STEPS
from tests.fuzz.cases import cases
from tests.fuzz.letters import Letter, Post
from tests.fuzz.server import Server, come_again, serving
from tests.fuzz.sources import fair
from tests.unit.steps.build import HOUR, SECOND
from tests.unit.steps.world import SETTINGS

pytestmark = pytest.mark.long

MANY = 300
"""Messages that a handful of others, in a world of a dozen small transfers, may lead to."""
Said = tuple[str, Letter]
SAID: st.SearchStrategy[Said] = st.sampled_from(STEPS).flatmap(lambda s: st.tuples(st.just(s), fair(s)))


def test_nobody_talks_for_ever(ledger: Path, folder: Path, loop: asyncio.Runner) -> None:
    """Messages of all steps in any order, all that follows, and what the clock says while time passes."""

    async def talk(said: list[Said]) -> None:
        async with serving(ledger, folder, 0) as server:
            for step, letter in said:
                await server.handle(step, letter)
                await _hand_on(server)
            for ahead in (10 * SECOND, 2 * HOUR, 48 * HOUR):
                server.database.ahead = ahead
                await server.tick()
                await _hand_on(server)
            for _, error in server.ladder.failed:
                assert isinstance(error, RollcastError), error

    @cases(8)
    @given(st.lists(SAID, min_size=1, max_size=6))
    def holds(said: list[Said]) -> None:
        loop.run(talk(said))

    holds()


async def _hand_on(server: Server) -> None:
    """Deliver what was said to this server's steps, until nothing is said any more."""
    for _ in range(MANY):
        if (letter := _next(server.post)) is None:
            return
        step = str(letter.routing_key).rpartition(".")[2]
        if step in STEPS:
            await server.handle(step, letter)
            assert letter.settled == ["ack"]
    raise AssertionError(f"still talking after {MANY} messages: {server.post.sent}")


def _next(post: Post) -> Letter | None:
    while post.sent:
        sent = post.sent.pop(0)
        if sent.exchange == STEP and sent.key.partition(".")[0] in SETTINGS.domains:
            return come_again(sent)
    return None
