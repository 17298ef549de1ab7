"""A transport that reads into one buffer, the same as long as the connection lasts.

asyncio's own stream allocates for every read, copies once more, and pauses the socket at 128 KiB, the size of
one frame; for a receiver of files that is a quarter of its work. This one hands out what `aiormq` reads, frame
by frame, from a buffer that the socket is read into directly.
"""

import asyncio
import functools
import ssl
from asyncio.streams import FlowControlMixin
from typing import Any

import aio_pika
from aio_pika.abc import ConnectionParameter
from aiormq import TransportFactory
from aiormq.connection import SSLContextProvider
from yarl import URL

from rollcast.broker import bodies, farewells, heads, tuning
from rollcast.broker.bodies import Bodies

SIZE = 8 * tuning.FRAME_MAX
"""Bytes of the buffer."""
MOST_FRAME = tuning.FRAME_MAX
AMQP = {tuning.FRAME_TYPE.to_bytes(1, "big"), b"A"}
"""What a broker's first byte is: that of a frame with a method, or of the protocol that it wants instead."""
DEFAULT_PORTS = {"amqp": 5672, "amqps": 5671}


class BufferedReader(FlowControlMixin, asyncio.BufferedProtocol):
    """What `aiormq` needs of a stream reader, as the protocol that is read into.

    Bodies of more than `longest` bytes are cut.
    """

    def __init__(self, longest: int | None = None) -> None:
        super().__init__()
        self._bodies = None if longest is None else Bodies(longest)
        self._instead = b""
        self._buffer = memoryview(bytearray(SIZE))
        self._start = self._end = 0
        self._reads = 0
        self._frame_type = 0
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._ended = False
        self._reading_paused = False
        self._closed = asyncio.get_running_loop().create_future()
        self.farewell = ""
        self.first = b""

    async def readexactly(self, size: int) -> bytes:
        """The next `size` bytes, at most a frame. Raises `IncompleteReadError` at the end of the stream."""
        if self._bodies is not None and self._reads % 3 == 0:
            await self._cut(self._bodies)
        if self._instead:
            part, self._instead = self._instead[:size], self._instead[size:]
        else:
            await self._there(size)
            part = self._taken(size)
        return self._readable(part)

    async def _cut(self, longer: Bodies) -> None:
        """At the beginning of a frame: see to it that the next one is to be read."""
        await self._there(1)
        while not self._instead and longer.concern(self._buffer[self._start]):
            await self._there(bodies.FRAME_HEADER)
            size = bodies.length_of(self._buffer[self._start : self._start + bodies.FRAME_HEADER])
            await self._there(size)
            self._instead = longer.passed_on(self._taken(size))
            await self._there(0 if self._instead else 1)

    async def _there(self, size: int) -> None:
        """Wait until so many bytes are there; they are still to be taken."""
        while self._end - self._start < size:
            if self._error is not None:
                raise self._error
            if self._ended:
                raise asyncio.IncompleteReadError(bytes(self._buffer[self._start : self._end]), size)
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting

    def _taken(self, size: int) -> bytes:
        start, self._start = self._start, self._start + size
        if self._reading_paused and self._end - self._start <= SIZE // 2:
            self._reading_paused = False
            self._connected().resume_reading()
        return bytes(self._buffer[start : self._start])

    def _readable(self, part: bytes) -> bytes:
        """A frame is read in three parts: its type, channel and length, payload and end."""
        place, self._reads = self._reads % 3, self._reads + 1
        if place == 0:
            self._frame_type = part[0]
        if place != 2:
            return part
        if self._frame_type == tuning.FRAME_TYPE:
            self.farewell = self.farewell or farewells.reason(part)
            return tuning.bounded(part)
        return heads.readable(part) if self._frame_type == heads.FRAME_TYPE else part

    async def read(self) -> bytes:
        """What is there."""
        return await self.readexactly(self._end - self._start)

    def at_eof(self) -> bool:
        """Whether the stream has ended and everything was read."""
        return self._ended and self._start == self._end

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        if self._start == self._end:
            self._start = self._end = 0
        elif SIZE - self._end < MOST_FRAME:
            left = self._end - self._start
            self._buffer[:left] = self._buffer[self._start : self._end]
            self._start, self._end = 0, left
        return self._buffer[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come."""
        self.first = self.first or bytes(self._buffer[:1])
        self._end += nbytes
        if self._end - self._start > SIZE - MOST_FRAME and not self._reading_paused:
            self._reading_paused = True
            self._connected().pause_reading()
        self._wake()

    def abort(self) -> None:
        """Leave at once, whatever has not been sent yet."""
        self._connected().abort()

    def eof_received(self) -> bool:
        """The other side has closed its half."""
        self._ended = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        self._ended, self._error = True, exc
        self._release()
        if not self._closed.done():
            self._closed.set_result(None)
        self._wake()

    def _release(self) -> None:
        """Keep only what is not read yet: a lost connection is a cycle of references, and may stay for long."""
        self._buffer = memoryview(bytes(self._buffer[self._start : self._end]))
        self._start, self._end = 0, len(self._buffer)

    def _connected(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _get_close_waiter(self, stream: asyncio.StreamWriter) -> "asyncio.Future[None]":
        return self._closed


class FilesUnusable(Exception):
    """A file that the URL names for TLS cannot be used; its cause says why."""


class Connection(aio_pika.Connection):
    """A connection of `aio_pika` over a transport of our own."""

    PARAMETERS = (
        *aio_pika.Connection.PARAMETERS,
        ConnectionParameter("transport_factory", parser=lambda given: given, is_kwarg=True),
    )


class Transport(TransportFactory):
    """Opens connections whose reader is a `BufferedReader`, with TLS for `amqps`; `longest` is for that reader."""

    def __init__(self, longest: int | None = None) -> None:
        super().__init__()
        self._longest = longest
        self._reader: BufferedReader | None = None

    @property
    def farewell(self) -> str:
        """Why the broker has closed the connection; nothing if it has not, or not said so."""
        return "" if self._reader is None else self._reader.farewell

    @property
    def is_strange(self) -> bool:
        """Whether somebody has accepted the connection, and has not said a word of AMQP."""
        return self._reader is not None and self._reader.first not in AMQP

    def abort(self) -> None:
        """Give the connection up at once, and what was to be sent with it."""
        if self._reader is not None:
            self._reader.abort()

    async def create(self, url: URL, **kwargs: Any) -> tuple[Any, asyncio.StreamWriter]:
        """The reader and the writer of a new connection; `OSError` if there is none, or `FilesUnusable`."""
        provider = kwargs.pop("ssl_context_provider")
        context = await _context(provider) if url.scheme == "amqps" else None
        loop = asyncio.get_running_loop()
        made = functools.partial(BufferedReader, self._longest)
        transport, reader = await loop.create_connection(
            made, str(url.host), url.port or DEFAULT_PORTS[url.scheme], ssl=context, **kwargs
        )
        self._reader = reader
        return reader, asyncio.StreamWriter(transport, reader, None, loop)


async def _context(provider: SSLContextProvider) -> ssl.SSLContext:
    try:
        return await provider.get_context()
    except OSError as error:
        raise FilesUnusable from error
