"""What a passive declare tells a user of queues that are not its own, on each version of the broker."""

from collections.abc import Callable

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity

from dev.broker import Broker
from workers.broker.versions import numbers

MISSING = "test.never-was"


async def _looks(url: str, name: str) -> int | type[Exception]:
    """How many messages a user sees in a queue, or how that is refused."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        try:
            found = await channel.declare_queue(name, passive=True)
        except (ChannelAccessRefused, ChannelNotFoundEntity) as error:
            return type(error)
        return found.declaration_result.message_count or 0


@pytest.fixture
async def filled(admin: AbstractChannel, queue: str) -> str:
    """A queue with a message."""
    await admin.default_exchange.publish(aio_pika.Message(b"x"), queue)
    return queue


@pytest.mark.parametrize("rights", ["write", "read"])
async def test_any_right_shows_ones_own_queue(
    filled: str, user: Callable[[str, str], str], rights: str
) -> None:
    """So a terminal may look at its inbox, whatever the client does before it consumes."""
    mine = f"^{filled}$".replace(".", r"\.")
    url = user(mine, "^$") if rights == "write" else user("^$", mine)
    assert await _looks(url, filled) == 1


async def test_without_a_right_nothing_is_seen_from_4_3_on(
    node: Broker, filled: str, user: Callable[[str, str], str]
) -> None:
    """Not even whether a queue exists; before that it is told to anybody (decision 10)."""
    url = user("^$", "^$")
    told = [await _looks(url, name) for name in (filled, MISSING)]
    if numbers(node.version) >= (4, 3):
        assert told == [ChannelAccessRefused, ChannelAccessRefused]
    else:
        assert told == [1, ChannelNotFoundEntity]
