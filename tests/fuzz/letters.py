"""The broker's side of a worker: what is delivered to it, and what it publishes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from rollcast.errors import BrokerUnavailable
from tests.deliveries import FakeDelivery

PLACE = "amq.rabbitmq.reply-to.g1h2AA9yZXBseUAxMDY3MzEzNjQAAANLAAAAAGsNJAA=.5RdeuLJm5pQNMDYUM0yMlg=="
"""Where the broker has a reply go."""


@dataclass
class Letter(FakeDelivery):
    """A delivery whose user waits for a reply."""

    reply_to: str | None = PLACE
    correlation_id: str | None = "1"


class Sent(NamedTuple):
    """What the broker has confirmed."""

    exchange: str
    key: str
    body: bytes
    headers: Mapping[str, Any]


class Post:
    """Stands for the publisher of a worker; `refused` counts what could not be published, beside replies."""

    def __init__(self, *, away: bool = False) -> None:
        self.away = away
        self.sent: list[Sent] = []
        self.refused = 0

    async def publish(
        self,
        exchange: str,
        key: str,
        body: bytes,
        *,
        headers: Mapping[str, Any] | None = None,
        persistent: bool = True,
        **_: object,
    ) -> bool:
        """Take it, unless the broker is away."""
        if self.away:
            self.refused += persistent
            raise BrokerUnavailable("gone")
        self.sent.append(Sent(exchange, key, body, dict(headers or {})))
        return True
