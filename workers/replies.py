"""Direct replies: the asker says where they go, so they must not get in the way of anything else."""

import time

import structlog

from rollcast.broker import Publisher
from rollcast.codec import encode
from rollcast.errors import BrokerRefused, BrokerUnavailable
from rollcast.messages import Message
from rollcast.topology import REPLY_TO

PATIENCE = 1.0
"""Seconds in which the publisher of replies should try again."""
MUTED_S = 10.0
"""For which nobody is answered to whom a reply was lost: it may be its place that costs us the connection."""

log = structlog.get_logger()


def is_place(text: str) -> bool:
    """Whether `text` looks like what the broker makes of `amq.rabbitmq.reply-to`; no other queue is replied to."""
    return text.startswith(f"{REPLY_TO}.")


class Replies:
    """Sends replies. One that is lost is lost: whoever waits for it asks again.

    `publisher` has a connection of its own. A terminal can write anything behind `amq.rabbitmq.reply-to.`, and
    RabbitMQ before 4.3 closes the connection over a node that it does not know. Until it is there again others lose
    their replies, too, so whoever has lost one gets none for a while.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._muted: dict[str, float] = {}

    async def send(self, user: str, place: str, correlation_id: str | None, message: Message) -> None:
        """Send a reply to what a user has asked, or log why it was not."""
        if self._muted.get(user, 0.0) > time.monotonic():
            return
        self._muted.pop(user, None)
        try:
            await self._publisher.publish(
                "", place, encode(message), correlation_id=correlation_id, persistent=False
            )
        except (BrokerUnavailable, BrokerRefused) as error:
            self._muted[user] = time.monotonic() + MUTED_S
            log.info("a reply was lost; whoever waits for it asks again", user=user, error=str(error))
