"""The exchanges that terminals and operators publish to: who declares them, and who opens them.

Where RabbitMQ keeps its metadata in Khepri, topic permissions are deleted with their exchange, and an exchange
without them takes every key. So one that comes back leads nowhere until the permissions are there, too: its inner
exchange is bound to it last. Only who holds the lock declares and opens, over the connection that holds it. What was
verified under the lock is therefore true of the exchange that is opened: one that was deleted meanwhile is not there.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelLockedResource

from rollcast.broker import Link
from rollcast.broker.link import CONNECTION_LOST, losses_named
from rollcast.errors import BrokerUnavailable, Transient
from rollcast.topology import ENTRIES_LOCK, INNER
from workers.broker import lock
from workers.broker.management import Management

PATIENCE = 60.0
"""Seconds to wait for whoever holds the lock."""
ANY_KEY = "#"


class Entries:
    """What the holder of the lock may do."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel

    async def declare(self) -> None:
        """The entries and the inner exchanges."""
        for entry, inner in INNER.items():
            await self._channel.declare_exchange(entry, "topic", durable=True)
            await self._channel.declare_exchange(inner, "topic", durable=True, internal=True)

    async def open(self, entry: str) -> None:
        """Let through what is published to an entry."""
        inner = await self._channel.get_exchange(INNER[entry], ensure=False)
        await inner.bind(entry, ANY_KEY)

    async def close(self, entry: str) -> None:
        """Let nothing through."""
        inner = await self._channel.get_exchange(INNER[entry], ensure=False)
        await inner.unbind(entry, ANY_KEY)


@asynccontextmanager
async def locked(amqp_url: str, name: str, patience: float = PATIENCE) -> AsyncIterator[Entries]:
    """Hold the lock of the virtual host; `name` is that of the connection.

    Raises `Transient` if somebody else holds it for too long, `BrokerUnavailable`.
    """
    link = Link(amqp_url, name)
    try:
        with losses_named():
            yield Entries(await lock.take(link, ENTRIES_LOCK, patience))
    except ChannelLockedResource as error:
        raise Transient("the entries are being looked after by another worker at present") from error
    except CONNECTION_LOST as error:
        raise BrokerUnavailable(f"the entries cannot be looked after: {error}") from error
    finally:
        await link.close()


async def closed(management: Management) -> list[str]:
    """The entries that are not open, or not there."""
    return [entry for entry in INNER if not await _is_open(entry, management)]


async def _is_open(entry: str, management: Management) -> bool:
    path = f"exchanges/{management.vhost}/{entry}/bindings/source"
    bindings = await management.call("GET", path, missing_is_fine=True) or []
    return any(row["destination"] == INNER[entry] and row["routing_key"] == ANY_KEY for row in bindings)
