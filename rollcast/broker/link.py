"""One connection to the broker, made when it is first needed and again whenever it was lost."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import unquote, urlsplit

from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import (
    AMQPChannelError,
    AMQPConnectionError,
    AMQPError,
    AuthenticationError,
    ChannelInvalidStateError,
    ConnectionNotAllowed,
    InvalidFrameError,
    ProbableAuthenticationError,
)
from yarl import URL

from rollcast.broker import obstacles
from rollcast.broker.obstacles import Obstacle, Peer
from rollcast.broker.presence import Presence
from rollcast.broker.transport import DEFAULT_PORTS, Connection, FilesUnusable, Transport
from rollcast.broker.urls import EXAMPLE, is_url
from rollcast.broker.words import because, words
from rollcast.errors import BrokerRefused, BrokerUnavailable

CONNECT_TIMEOUT = 10.0
CLOSE_TIMEOUT = 3.0
"""Seconds that a broker has to take leave. One that reads nothing at present would have us wait for minutes."""
CONNECTION_LOST = (
    AMQPConnectionError,
    AMQPChannelError,
    ChannelInvalidStateError,
    ConnectionError,
    asyncio.TimeoutError,
)
"""What aio-pika raises when a connection or channel went away under a call, beside what `losses_named` is for."""


@contextmanager
def losses_named() -> Iterator[None]:
    """Around calls of aio-pika: to what waits on a channel that is closed without a reason, aiormq raises a bare
    `Exception`. It becomes a `ConnectionError`."""
    try:
        yield
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise ConnectionError("the channel was closed") from error


class Link:
    """A connection for one purpose (`name` is what the broker's management shows).

    Publishing and consuming, bulk and control each have a link of their own: the broker stops reading from a
    connection that publishes while it is short of memory, and an acknowledgement would wait behind a body.
    `presence` is told whether the broker is there. Of messages with bodies of more than `longest` bytes only the
    beginning comes, under the header `CUT`. Raises `BrokerRefused` if `url` is not one of a broker.
    """

    def __init__(
        self, url: str, name: str, presence: Presence | None = None, *, longest: int | None = None
    ) -> None:
        if not is_url(url):
            raise BrokerRefused("that is no URL of a broker", hint=f"Write it as {EXAMPLE}.")
        self.url = url
        self.name = name
        self.user = unquote(urlsplit(url).username or "guest")
        self._presence = presence
        self._longest = longest
        self._connection: AbstractConnection | None = None
        self._transport = Transport(longest)
        self._absence: BrokerUnavailable | None = None
        self._lock = asyncio.Lock()

    async def connect(self) -> None:
        """Connect, if it is not connected. Raises `BrokerUnavailable`, `BrokerRefused`."""
        await self._connected()

    async def channel(self, *, prefetch: int | None = None) -> AbstractChannel:
        """A new channel with publisher confirms.

        Raises `BrokerUnavailable` if nobody answers, `BrokerRefused` if we are not let in.
        """
        connection = await self._connected()
        try:
            channel = connection.channel(publisher_confirms=True, on_return_raises=True)
            with losses_named():
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    await channel.initialize()
                    if prefetch is not None:
                        await channel.set_qos(prefetch_count=prefetch)
        except (RuntimeError, *CONNECTION_LOST) as error:
            # A lost connection that aio-pika still takes for open raises a plain RuntimeError, or hangs.
            if isinstance(error, RuntimeError | TimeoutError):
                self._lose(connection, error)
            raise BrokerUnavailable(because(f"lost the broker at {self.place}", error)) from error
        return channel

    @property
    def absence(self) -> BrokerUnavailable | None:
        """Why it is not connected at present; None if it is, or was never meant to be."""
        return self._absence

    @property
    def is_told(self) -> bool:
        """Whether somebody has been told that the broker is not there."""
        return self._presence is not None and self._presence.is_lost

    @property
    def is_open(self) -> bool:
        """Whether it is connected, as far as is known here."""
        return self._connection is not None and not self._connection.is_closed

    async def blocked(self) -> bool:
        """Whether the broker takes nothing on this connection at present, being short of memory or disk."""
        connection = self._connection
        if connection is None or connection.is_closed or connection.transport is None:
            return False
        try:
            async with asyncio.timeout(0):
                await connection.transport.connection.ready()
        except TimeoutError:
            return True
        return False

    @property
    def place(self) -> str:
        """Host and port of the broker, without the password."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port or DEFAULT_PORTS[parts.scheme]}"

    async def close(self) -> None:
        """Close the connection; what was not acknowledged goes back to its queue, what was not sent is not sent."""
        async with self._lock:
            connection, self._connection = self._connection, None
            if connection is None or connection.is_closed:
                return
            closing = asyncio.ensure_future(connection.close())
            done, _ = await asyncio.wait({closing}, timeout=CLOSE_TIMEOUT)
            if not done:
                self._transport.abort()
                with suppress(*CONNECTION_LOST), losses_named():
                    await closing

    async def _connected(self) -> AbstractConnection:
        async with self._lock:
            if self._connection is None or self._connection.is_closed:
                self._connection = await self._connect()
            return self._connection

    def _lose(self, connection: AbstractConnection | None, error: BaseException | None) -> None:
        if connection is None or connection is not self._connection:
            return
        self._connection = None
        self._absence = BrokerUnavailable(because(f"lost the broker at {self.place}", error))
        if self._presence is not None:
            self._presence.lose(self.name, self.place, words(error))

    async def _connect(self) -> AbstractConnection:
        try:
            connection = await self._open()
        except BrokerUnavailable as error:
            self._absence = error
            raise
        self._absence = None
        connection.close_callbacks.add(self._lose)
        if self._presence is not None:
            self._presence.find(self.name, self.place)
        return connection

    async def _open(self) -> AbstractConnection:
        transport = self._transport = Transport(self._longest)
        try:
            connection = Connection(
                URL(self.url),
                client_properties={"connection_name": self.name},
                transport_factory=transport,
            )
            with losses_named():
                await connection.connect(timeout=CONNECT_TIMEOUT)
        except (ProbableAuthenticationError, AuthenticationError, ConnectionNotAllowed) as error:
            raise BrokerRefused(
                because(f"the broker at {self.place} does not let {self.user} in", error),
                hint=self._remedy("Check the credentials and that the account still exists."),
            ) from error
        except InvalidFrameError as error:
            raise self._refused(obstacles.closing(transport.farewell, self._peer)) from error
        except FilesUnusable as error:
            raise _unavailable(obstacles.tls_files(error.__cause__, self._peer)) from error
        except ssl.SSLError as error:
            raise _unavailable(obstacles.tls(error, self._peer)) from error
        except (TimeoutError, AMQPError, OSError) as error:
            strange = transport.is_strange and not isinstance(error, TimeoutError)
            raise _unavailable(obstacles.silence(error, self._peer, strange=strange)) from error
        return connection

    def _refused(self, obstacle: Obstacle) -> BrokerUnavailable:
        if self._presence is not None:
            self._presence.refuse(obstacle.what)
        return _unavailable(obstacle)

    @property
    def _peer(self) -> Peer:
        vhost = unquote(urlsplit(self.url).path[1:]) or "/"
        return Peer(
            self.user,
            self.place,
            vhost,
            "amqp_url of the credentials" if "@" in self.user else "ROLLCAST_AMQP_URL",
        )

    def _remedy(self, hint: str) -> str:
        """What a terminal is told; who has no address is no terminal, and comes by a setting."""
        return hint if "@" in self.user else "Check ROLLCAST_AMQP_URL."


def _unavailable(obstacle: Obstacle) -> BrokerUnavailable:
    return BrokerUnavailable(obstacle.what, hint=obstacle.hint)
