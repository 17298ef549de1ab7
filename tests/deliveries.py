"""Deliveries without a broker, which note how they were settled."""

from dataclasses import dataclass, field
from typing import Any, cast

from aiormq.exceptions import ChannelInvalidStateError

from rollcast.broker import Delivery
from tests.people import SERVER_USER


@dataclass
class FakeDelivery:
    """A delivery; a server's, to no step in particular, unless told. `lost`: the channel that it came through."""

    body: bytes = b""
    user_id: str | None = SERVER_USER
    exchange: str | None = "rollcast.step"
    routing_key: str | None = ""
    headers: dict[str, Any] = field(default_factory=dict)
    reply_to: str | None = None
    correlation_id: str | None = None
    redelivered: bool = False
    lost: bool = False
    settled: list[str] = field(default_factory=list)

    @property
    def channel(self) -> object:
        """What it came through. Raises when that is closed."""
        self._check()
        return object()

    async def ack(self) -> None:
        """It is done."""
        self._check()
        self.settled.append("ack")

    async def nack(self, requeue: bool) -> None:
        """It goes back."""
        assert requeue
        self._check()
        self.settled.append("nack")

    def delivery(self) -> Delivery:
        """The same for the type checker."""
        return cast(Delivery, self)

    def _check(self) -> None:
        if self.lost:
            raise ChannelInvalidStateError("the channel is closed")
