"""Looking into the parked queue without taking anything away.

Whoever looks takes messages out without acknowledging them, and leaves it to the broker to put them back in their
place, by closing the connection or by dying. Until then nobody else can see them, so only who has the lock looks.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aio_pika.abc import AbstractQueue
from aiormq.exceptions import ChannelLockedResource

from rollcast.broker import Delivery, Link
from rollcast.broker.link import CONNECTION_LOST, losses_named
from rollcast.errors import BrokerUnavailable, Transient
from rollcast.topology import parked, parked_lock
from workers.broker import lock
from workers.broker.declarer import Declarer
from workers.parked.label import Parked, read
from workers.settings import Settings

LOOKED_AT = 10_000
"""The most messages that are taken out at a time; those behind them are seen when some of these are gone."""
PATIENCE, LONGEST_LOOK = 10.0, 30.0
"""Seconds to wait for whoever looks at present, and for which one may look."""

Found = tuple[Delivery, Parked]


class ParkedQueue:
    """The parked queue of a server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @asynccontextmanager
    async def messages(self, domain: str) -> AsyncIterator[AsyncIterator[Found]]:
        """The messages for this domain's operators, the oldest first: those that were sent to the domain, and
        those of which it is not known to which domain served here.

        What is not acknowledged at the end of the block stays parked. Raises `Transient`.
        """
        link = Link(self._settings.amqp_url, f"rollcast {self._settings.server} parked")
        try:
            async with asyncio.timeout(LONGEST_LOOK):
                with losses_named():
                    yield self._seen(await self._locked(link), domain)
        except TimeoutError as error:
            raise Transient("looking at the parked messages took too long") from error
        except ChannelLockedResource as error:
            raise Transient("another operator looks at the parked messages at present") from error
        except CONNECTION_LOST as error:
            raise BrokerUnavailable(f"lost the broker while looking at parked messages: {error}") from error
        finally:
            await link.close()

    async def _locked(self, link: Link) -> AbstractQueue:
        channel = await lock.take(link, parked_lock(self._settings.server), PATIENCE)
        queue = parked(self._settings.server)
        await Declarer(link).queues([queue])
        return await channel.get_queue(queue.name, ensure=False)

    async def _seen(self, queue: AbstractQueue, domain: str) -> AsyncIterator[Found]:
        for _ in range(LOOKED_AT):
            delivery = await queue.get(fail=False)
            if delivery is None:
                return
            found = read(delivery)
            if self._domain_of(found) in {domain, None}:
                yield delivery, found

    def _domain_of(self, found: Parked) -> str | None:
        domain = found.envelope.domain if found.envelope else None
        return domain if domain in self._settings.domains else None
