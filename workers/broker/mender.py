"""Takes away a step's queue over which the broker fails, so that it can be declared again, if it is one of today's.

RabbitMQ 3.10 was seen to lose a quorum queue that was made shortly before it crashed: declaring it succeeds, and
whoever consumes it or publishes to it gets an internal error, or no answer, for ever.
"""

import structlog
from aio_pika.abc import AbstractIncomingMessage
from aiormq.exceptions import ConnectionInternalError

from rollcast.broker import Link
from rollcast.broker.consumer import NotBegun, begun
from rollcast.broker.link import CONNECTION_LOST, losses_named
from rollcast.errors import BrokerUnavailable
from workers.broker.declarer import Declarer

log = structlog.get_logger()


class Mender:
    """Looks at a queue over a connection of its own: the error closes it, and others on it would seem at fault."""

    def __init__(self, amqp_url: str, declarer: Declarer) -> None:
        self._amqp_url = amqp_url
        self._declarer = declarer

    async def mend(self, queue: str) -> None:
        """Delete the queue if the broker cannot let anybody consume it. What was in it is prompted again."""
        if await self._is_broken(queue):
            log.error(
                "deleted a queue over which the broker fails; what was in it is asked for again", queue=queue
            )
            await self._declarer.delete_queues([queue])

    async def _is_broken(self, queue: str) -> bool:
        link = Link(self._amqp_url, f"rollcast mender of {queue}")
        try:
            channel = await link.channel(prefetch=1)
            with losses_named():
                await begun((await channel.get_queue(queue, ensure=False)).consume(_leave))
        except (ConnectionInternalError, NotBegun):
            return True
        except CONNECTION_LOST as error:
            raise BrokerUnavailable(f"cannot see whether {queue} is broken: {error}") from error
        finally:
            await link.close()
        return False


async def _leave(_: AbstractIncomingMessage) -> None:
    """It goes back to the queue with the connection."""
