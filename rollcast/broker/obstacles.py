"""Why there is no connection, in a sentence, and what to do about it."""

import re
import ssl
from typing import NamedTuple

from rollcast.broker.words import because, words

NOT_YET_VALID, EXPIRED = 9, 10
OTHER_NAME = {62, 64}
"""What OpenSSL calls a certificate for another host or another IP address."""

_NO_VHOST = re.compile(r"vhost .* not found")
_LIMIT = re.compile(r"limit \(\d+\) is reached")


class Peer(NamedTuple):
    """Who connects to what: host and port, virtual host, and where the URL is written down."""

    user: str
    place: str
    vhost: str
    url: str


class Obstacle(NamedTuple):
    """What hinders, and what helps."""

    what: str
    hint: str


def closing(farewell: str, peer: Peer) -> Obstacle:
    """The broker is there and has closed the connection with these words (perhaps none) before it was open."""
    said = farewell.rstrip(".") or "it does not say why"
    if _NO_VHOST.search(said):
        return Obstacle(
            f"the broker at {peer.place} has no virtual host {peer.vhost!r}",
            f"Check the end of {peer.url}, or make the virtual host with `rabbitmqctl add_vhost`.",
        )
    if _LIMIT.search(said):
        return Obstacle(
            f"the broker at {peer.place} takes no further connection of {peer.user}: {said}",
            "End what holds connections that are not needed, or raise the limit on the broker.",
        )
    suspended = "Check that the account is not suspended."
    rights = f"Check {peer.url} and the user's rights: `rabbitmqctl list_permissions -p {peer.vhost}`."
    return Obstacle(
        f"the broker at {peer.place} takes no connection of {peer.user} at present: {said}",
        suspended if "@" in peer.user else rights,
    )


def tls(error: ssl.SSLError, peer: Peer) -> Obstacle:
    """The broker is there, and it did not come to an encrypted connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Obstacle(
            f"the certificate of the broker at {peer.place} is not accepted: {error.verify_message.rstrip('.')}",
            _certificate_hint(error.verify_code, peer),
        )
    if error.reason == "WRONG_VERSION_NUMBER":
        return Obstacle(
            f"what listens at {peer.place} speaks no TLS",
            f"Name the port for TLS in {peer.url}, or begin it with amqp:// for a connection that is not encrypted.",
        )
    return Obstacle(
        because(f"TLS with the broker at {peer.place} fails", error),
        f"See the broker's log, and what {peer.url} says of cafile, certfile and keyfile.",
    )


def tls_files(error: BaseException | None, peer: Peer) -> Obstacle:
    """A file that the URL names for TLS cannot be used."""
    return Obstacle(
        f"a file for TLS that {peer.url} names cannot be used: {words(error)}",
        "Check cafile, certfile and keyfile there.",
    )


def silence(error: BaseException, peer: Peer, *, strange: bool) -> Obstacle:
    """Nobody has answered; if `strange`, somebody who does not speak AMQP."""
    hint = "Check that RabbitMQ runs there and can be reached"
    if strange:
        return Obstacle(
            f"no broker answers at {peer.place}: the connection was closed without a word of AMQP",
            f"{hint}. If the port is for TLS, begin {peer.url} with amqps://.",
        )
    return Obstacle(because(f"no broker answers at {peer.place}", error), f"{hint}.")


def _certificate_hint(code: int, peer: Peer) -> str:
    if code == EXPIRED:
        return "Renew it on the broker, or set this machine's clock."
    if code == NOT_YET_VALID:
        return "Set the clocks of this machine and of the broker."
    if code in OTHER_NAME:
        return (
            f"Name the broker in {peer.url} by a name that the certificate has, or renew it with this name."
        )
    return f"Name the authority that has signed it at the end of {peer.url}: ?cafile=/path/to/ca.pem"
