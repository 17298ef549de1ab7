"""A parked message: why it was set aside, how operators see it, and as whose message it counts when it is replayed.

The ladder parks with headers that say so. What was delivered too often from the queue that a step had in an earlier
version, the broker has moved there itself, with what it writes down of that (`x-death`), and under the user who sent
it; such messages may lie there for as long as no operator decides.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from blake3 import blake3

from rollcast.addresses import is_server_user
from rollcast.broker import Delivery
from rollcast.errors import IdentityError
from rollcast.messages.values import MAX_TEXT, ParkedMessage
from rollcast.topology import STEPS
from workers import envelope as envelopes
from workers.about import SHORT, fields_of, transfer_in
from workers.envelope import Envelope
from workers.isolation import DeliveryLimit

STEP, REASON, DETAIL = "rollcast-step", "rollcast-reason", "rollcast-detail"
PARKED_AT, SIZE = "rollcast-parked-at", "rollcast-size"
MOST = 2**53 - 1
"""The highest number in a message."""


def label(
    step: str, reason: str, detail: str, envelope: Envelope | None, size: int | None = None
) -> dict[str, str | int]:
    """The headers under which the ladder parks a message now; with its `size` if only its beginning is kept."""
    origin = envelope.headers(envelope.attempt) if envelope else {}
    made = {**origin, STEP: step, REASON: reason, DETAIL: detail, PARKED_AT: time.time_ns() // 1000}
    return made if size is None else {**made, SIZE: size}


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked message. Without an envelope nobody can say who sent it; `parked_at` is in µs.

    One with a `size` was too long to be kept: `body` is its beginning.
    """

    body: bytes
    step: str | None
    reason: str
    detail: str | None
    parked_at: int | None
    envelope: Envelope | None
    size: int | None = None

    @property
    def id(self) -> str:
        """Made from the content: the same for every worker that sees it, another one when it is parked again."""
        labels = (self.step, self.reason, self.detail, self.parked_at, self.envelope)
        return blake3(repr(labels).encode() + blake3(self.body).digest()).hexdigest()[:16]

    @property
    def replayable(self) -> bool:
        """Whether it is known who sent it, and to which step, and it was kept whole."""
        return self.envelope is not None and self.step in STEPS and self.size is None

    def described(self, text_limit: int = 0) -> ParkedMessage:
        """What an operator sees; with a limit also the message itself, up to so many characters.

        What workers died over is not decoded once more: it would take the one with it that answers operators.
        """
        decodable = self.size is None and self.reason != DeliveryLimit.code
        fields = fields_of(self.body, decodable=decodable)
        return ParkedMessage(
            id=self.id,
            step=self.step,
            reason=self.reason,
            detail=self.detail,
            parked_at=self.parked_at,
            attempts=_within(self.envelope.attempt + 1) if self.envelope else 1,
            message=_text(fields.get("type"), SHORT),
            transfer_id=transfer_in(fields),
            origin=self.envelope.user[:MAX_TEXT] if self.envelope else None,
            size=len(self.body) if self.size is None else self.size,
            text=_readable(fields if decodable else {}, self.body, text_limit) if text_limit else None,
        )


def read(delivery: Delivery) -> Parked:
    """What a delivery from the parked queue is."""
    headers = delivery.headers
    if REASON in headers and is_server_user(delivery.user_id or ""):
        return Parked(
            delivery.body,
            _text(headers.get(STEP), SHORT),
            _text(headers[REASON], SHORT) or "",
            _text(headers.get(DETAIL), MAX_TEXT),
            _instant(headers.get(PARKED_AT)),
            _envelope(delivery, "", "") if envelopes.ORIGIN in headers else None,
            _number(headers.get(SIZE)),
        )
    return _given_up_by_the_broker(delivery)


def _given_up_by_the_broker(delivery: Delivery) -> Parked:
    death = _last_death(delivery.headers)
    keys = death.get("routing-keys")
    # A second key is that of a copy (`CC`), which the broker has taken out of the headers.
    key = str(keys[0]) if isinstance(keys, list) and len(keys) == 1 else None
    return Parked(
        delivery.body,
        _text(death.get("queue"), MAX_TEXT, after="."),
        _text(death.get("reason"), SHORT) or "unknown",
        None,
        _instant(death.get("time")),
        None if key is None else _envelope(delivery, str(death.get("exchange")), key),
    )


def _last_death(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    deaths = headers.get("x-death")
    newest = deaths[0] if isinstance(deaths, list) and deaths else {}
    return newest if isinstance(newest, Mapping) else {}


def _envelope(delivery: Delivery, exchange: str, key: str) -> Envelope | None:
    try:
        return envelopes.published(delivery, exchange, key)
    except IdentityError:
        return None


def _text(value: object, most: int, after: str = "") -> str | None:
    if value is None:
        return None
    text = str(value)
    return (text.rpartition(after)[2] if after else text)[:most]


def _instant(value: object) -> int | None:
    if isinstance(value, datetime):
        return _within(int(value.timestamp() * 1_000_000))
    return _number(value)


def _number(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return _within(value)


def _within(number: int) -> int:
    return min(max(number, 0), MOST)


def _readable(fields: Mapping[Any, Any], body: bytes, most: int) -> str:
    """The fields as JSON, with bytes in hex; the whole in hex if there are none, or none that JSON could say."""
    try:
        text = json.dumps(fields, default=_as_json) if fields else body[:most].hex()
    except (TypeError, ValueError, RecursionError):
        text = body[:most].hex()
    return text[:most]


def _as_json(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
