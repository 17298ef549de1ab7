"""A connection to the broker for one fault."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aio_pika
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import AMQPError

from dev.chaos.damage import Impossible
from rollcast.broker.link import CONNECTION_LOST

WITHIN_S = 5.0
"""Seconds that a fault may take; under the memory alarm a publish is not confirmed at all."""

T = TypeVar("T")


def on_channel(url: str, call: Callable[[AbstractChannel], Awaitable[T]]) -> T:
    """Do something on a channel with confirms. Raises Impossible if the broker is not up to it now."""

    async def run() -> T:
        connection = await aio_pika.connect(url, timeout=WITHIN_S)
        try:
            return await asyncio.wait_for(call(await connection.channel()), WITHIN_S)
        finally:
            closing = asyncio.ensure_future(connection.close())
            await asyncio.wait([closing], timeout=1)

    # What a blocked connection has under way does not let itself be cancelled: it is left behind, with its loop.
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(asyncio.wait_for(run(), 3 * WITHIN_S))
    except (*CONNECTION_LOST, AMQPError, OSError, RuntimeError) as error:
        raise Impossible(f"the broker does not do it: {type(error).__name__} {error}") from error
