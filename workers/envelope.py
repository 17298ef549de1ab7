"""Who really sent a message: what the broker has verified of it, and what the broker does not verify.

The broker checks `user_id` only if it is there, and lets copies (`CC`, `BCC`) pass by the permissions. `CC` is
refused here; `BCC` it takes out before delivery, so such a copy is known by a key that does not fit. Headers
that carry an identity count only under a server's user.
"""

from dataclasses import dataclass

from rollcast.addresses import domain_of, is_server_user
from rollcast.broker import Delivery
from rollcast.errors import IdentityError
from rollcast.messages import Message
from rollcast.topology import OPERATORS_MAY_SAY, STEP, UP, VERBS, accepts
from workers.replies import is_place
from workers.settings import Settings
from workers.work import Received

ATTEMPT, ORIGIN, KEY, EXCHANGE = "rollcast-attempt", "rollcast-origin", "rollcast-key", "rollcast-exchange"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where a delivery came from: the verified user, the exchange and the key it was first published with."""

    user: str
    exchange: str
    key: str
    attempt: int

    @property
    def domain(self) -> str:
        """The domain that the message was sent to: the first word of the key."""
        return self.key.partition(".")[0]

    def headers(self, attempt: int) -> dict[str, str | int]:
        """What makes a copy of the message, published by a server, count as the message itself."""
        return {ATTEMPT: attempt, ORIGIN: self.user, KEY: self.key, EXCHANGE: self.exchange}


def read(delivery: Delivery) -> Envelope:
    """The envelope of a delivery. Raises `IdentityError` if the broker has not verified who sent it."""
    return published(delivery, delivery.exchange or "", delivery.routing_key or "")


def if_verified(delivery: Delivery) -> Envelope | None:
    """The envelope of a delivery, if the broker has verified who sent it."""
    try:
        return read(delivery)
    except IdentityError:
        return None


def published(delivery: Delivery, exchange: str, key: str) -> Envelope:
    """The envelope of a delivery that was published to this exchange under this key, and lies elsewhere by now."""
    if not delivery.user_id:
        raise IdentityError("the message carries no user_id")
    headers = delivery.headers
    if "CC" in headers:
        raise IdentityError("the message was published with CC")
    plain = Envelope(delivery.user_id, exchange, key, 0)
    if ORIGIN not in headers:
        return plain
    if not is_server_user(delivery.user_id):
        raise IdentityError(f"{delivery.user_id} claims to pass on a message of {headers[ORIGIN]!r}")
    try:
        return Envelope(
            str(headers[ORIGIN]), str(headers[EXCHANGE]), str(headers[KEY]), int(str(headers[ATTEMPT]))
        )
    except (KeyError, ValueError) as error:
        raise IdentityError(f"{delivery.user_id} does not say rightly what it passes on: {error}") from error


def verify(
    envelope: Envelope, message: Message, pool: str, settings: Settings, delivery: Delivery
) -> Received:
    """The message as its step may trust it. Raises `IdentityError` if its sender may not say this here."""
    if envelope.domain not in settings.domains:
        raise IdentityError(f"the domain {envelope.domain} is not served here")
    if type(message) not in _heard_by(pool):
        raise IdentityError(f"{type(message).__name__} does not belong into the queue of {pool}")
    if envelope.exchange == UP:
        _verify_terminal(envelope, message, pool)
    elif envelope.exchange == STEP:
        _verify_server(envelope, message, pool)
    else:
        raise IdentityError(f"nothing may come from the exchange {envelope.exchange!r}")
    return Received(message, envelope.user, envelope.domain, reply_to(delivery), delivery.correlation_id)


def _heard_by(pool: str) -> tuple[type[Message], ...]:
    # Operators whose command line is of an earlier version ask S200.
    return (*accepts(pool), *(OPERATORS_MAY_SAY if pool == "s200" else ()))


def reply_to(delivery: Delivery) -> str | None:
    """Where a direct reply goes; any other queue would be written to in the server's name."""
    wanted = delivery.reply_to or ""
    return wanted if is_place(wanted) else None


def _verify_terminal(envelope: Envelope, message: Message, pool: str) -> None:
    words = envelope.key.split(".")
    if len(words) != 3 or words[1] != envelope.user or domain_of(words[1]) != words[0]:
        raise IdentityError(f"{envelope.user} published under {envelope.key!r}")
    said = {verb.word for verb in VERBS if verb.message is type(message) and verb.pool == pool}
    if words[2] not in said:
        raise IdentityError(f"{type(message).__name__} came to {pool} under the verb {words[2]!r}")


def _verify_server(envelope: Envelope, message: Message, pool: str) -> None:
    if envelope.key != f"{envelope.domain}.{pool}":
        raise IdentityError(f"{envelope.key!r} is not a key of {pool}")
    if is_server_user(envelope.user):
        return
    if "@" in envelope.user or type(message) not in OPERATORS_MAY_SAY:
        raise IdentityError(f"{envelope.user} may not say {type(message).__name__}")
