"""The broker's side of a worker: what is delivered to it, and what it publishes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from rollcast.broker import Delivery
from rollcast.errors import BrokerUnavailable
from tests.unit.steps.build import SERVER

PLACE = "amq.rabbitmq.reply-to.g1h2AA9yZXBseUAxMDY3MzEzNjQAAANLAAAAAGsNJAA=.5RdeuLJm5pQNMDYUM0yMlg=="
"""Where the broker has a reply go."""


@dataclass
class Letter:
    """A delivery that notes how it was settled."""

    body: bytes
    user_id: str | None = SERVER
    exchange: str | None = "rollcast.step"
    routing_key: str | None = ""
    headers: dict[str, Any] = field(default_factory=dict)
    reply_to: str | None = PLACE
    correlation_id: str | None = "1"
    redelivered: bool = False
    settled: list[str] = field(default_factory=list)

    async def ack(self) -> None:
        """It is done."""
        self.settled.append("ack")

    async def nack(self, requeue: bool) -> None:
        """It goes back."""
        assert requeue
        self.settled.append("nack")

    def delivery(self) -> Delivery:
        """The same for the type checker."""
        return cast(Delivery, self)


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
