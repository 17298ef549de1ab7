"""Direct replies: the asker says where they go, so they must not get in the way of anything else."""

import structlog

from rollcast.broker import Publisher
from rollcast.codec import encode
from rollcast.errors import BrokerRefused, BrokerUnavailable
from rollcast.messages import Message
from rollcast.topology import REPLY_TO

PATIENCE = 1.0
"""Seconds in which the publisher of replies should try again."""

log = structlog.get_logger()


def is_place(text: str) -> bool:
    """Whether `text` looks like what the broker makes of `amq.rabbitmq.reply-to`; no other queue is replied to."""
    return text.startswith(f"{REPLY_TO}.")


class Replies:
    """Sends replies. One that is lost is lost: whoever waits for it asks again.

    `publisher` has a connection of its own. A terminal can write anything behind `amq.rabbitmq.reply-to.`, and
    RabbitMQ closes the connection over a process that it does not know.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def send(self, place: str, correlation_id: str | None, message: Message) -> None:
        """Send a reply, or log why it was not."""
        try:
            await self._publisher.publish(
                "", place, encode(message), correlation_id=correlation_id, persistent=False
            )
        except (BrokerUnavailable, BrokerRefused) as error:
            log.info("a reply was lost; whoever waits for it asks again", error=str(error))
