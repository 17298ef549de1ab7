"""One connection to the broker, made when it is first needed and again whenever it was lost."""

import asyncio
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

from rollcast.broker.transport import DEFAULT_PORTS, Connection, Transport
from rollcast.errors import BrokerRefused, BrokerUnavailable

CONNECT_TIMEOUT = 10.0
CONNECTION_LOST = (
    AMQPConnectionError,
    AMQPChannelError,
    ChannelInvalidStateError,
    ConnectionError,
    asyncio.TimeoutError,
)
"""What aio-pika raises when a connection or channel went away under a call."""


class Link:
    """A connection for one purpose (`name` is what the broker's management shows).

    Publishing and consuming, bulk and control each have a link of their own: the broker stops reading from a
    connection that publishes while it is short of memory, and an acknowledgement would wait behind a body.
    """

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.name = name
        self.user = unquote(urlsplit(url).username or "guest")
        self._connection: AbstractConnection | None = None
        self._lock = asyncio.Lock()

    async def channel(self, *, prefetch: int | None = None) -> AbstractChannel:
        """A new channel with publisher confirms.

        Raises `BrokerUnavailable` if nobody answers, `BrokerRefused` if we are not let in.
        """
        connection = await self._connected()
        try:
            channel = connection.channel(publisher_confirms=True, on_return_raises=True)
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await channel.initialize()
                if prefetch is not None:
                    await channel.set_qos(prefetch_count=prefetch)
        except (RuntimeError, *CONNECTION_LOST) as error:
            # A lost connection that aio-pika still takes for open raises a plain RuntimeError, or hangs.
            if isinstance(error, RuntimeError | TimeoutError):
                self._connection = None
            raise BrokerUnavailable(f"lost the broker at {self.place}: {error}") from error
        return channel

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
        """Close the connection; what was not acknowledged goes back to its queue."""
        async with self._lock:
            if self._connection is not None and not self._connection.is_closed:
                await self._connection.close()

    async def _connected(self) -> AbstractConnection:
        async with self._lock:
            if self._connection is None or self._connection.is_closed:
                self._connection = await self._connect()
            return self._connection

    async def _connect(self) -> AbstractConnection:
        try:
            connection = Connection(
                URL(self.url),
                client_properties={"connection_name": self.name},
                transport_factory=Transport(),
            )
            await connection.connect(timeout=CONNECT_TIMEOUT)
        except (ProbableAuthenticationError, AuthenticationError, ConnectionNotAllowed) as error:
            raise BrokerRefused(
                f"the broker at {self.place} does not let {self.user} in: {error}",
                hint="Check the credentials and that the account still exists.",
            ) from error
        except InvalidFrameError as error:
            # What the broker says when it closes a connection at its opening does not reach us.
            raise BrokerUnavailable(
                f"the broker at {self.place} takes no connection of {self.user} at present: {error}",
                hint="Check that the account is not suspended and has not too many connections open.",
            ) from error
        except (TimeoutError, AMQPError, OSError) as error:
            raise BrokerUnavailable(
                f"no broker answers at {self.place}: {error}",
                hint="Check that RabbitMQ runs there and can be reached.",
            ) from error
        return connection
