"""The broker, as both terminals and workers see it: connections that come back, publishing with confirms,
consumers that notice when their queue is gone."""

from rollcast.broker.bodies import cut_from
from rollcast.broker.consumer import Consumer
from rollcast.broker.handlers import Delivery, acknowledge, give_back, is_stale
from rollcast.broker.link import Link
from rollcast.broker.presence import Presence
from rollcast.broker.publisher import Publisher

__all__ = [
    "Consumer",
    "Delivery",
    "Link",
    "Presence",
    "Publisher",
    "acknowledge",
    "cut_from",
    "give_back",
    "is_stale",
]
