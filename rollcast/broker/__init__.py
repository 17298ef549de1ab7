"""The broker, as both terminals and workers see it: connections that come back, publishing with confirms,
consumers that notice when their queue is gone."""

from rollcast.broker.consumer import Consumer, Delivery
from rollcast.broker.link import Link
from rollcast.broker.publisher import Publisher

__all__ = ["Consumer", "Delivery", "Link", "Publisher"]
