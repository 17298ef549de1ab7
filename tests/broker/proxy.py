"""A way to the broker that can be cut, as networks are."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

BLOCK = 65_536


class Proxy:
    """Passes bytes on to the server at `url`, from `start` until it is cut. Made by `proxied`."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        self._parts = urlsplit(url)
        self._tls = tls
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._passes = asyncio.Event()
        self._passes.set()
        self.connections = 0

    @property
    def url(self) -> str:
        """The server's address by this way."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        user = self._parts.netloc.rpartition("@")[0]
        return urlunsplit(self._parts._replace(netloc=f"{user}@127.0.0.1:{port}"))

    async def start(self, port: int = 0) -> None:
        """Accept connections, on this port or on one of its own."""
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", port, ssl=self._tls)

    def cut(self) -> None:
        """Lose all connections; new ones are accepted."""
        for writer in self._writers:
            writer.transport.abort()

    def hold(self) -> None:
        """Take nothing more from those who are connected, as a broker that is low on memory; they still hear it."""
        self._passes.clear()

    def close(self) -> None:
        """Lose all connections, and accept no more."""
        if self._server is not None:
            self._server.close()
        self.cut()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        host, port = self._parts.hostname, self._parts.port or 5672
        there, back = await asyncio.open_connection(host, port)
        self._writers |= {writer, back}
        always = asyncio.Event()
        always.set()
        await asyncio.gather(_copy(reader, back, self._passes), _copy(there, writer, always))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: asyncio.Event) -> None:
    with suppress(ConnectionError):
        while block := await reader.read(BLOCK):
            await passes.wait()
            writer.write(block)
            await writer.drain()
    writer.transport.abort()


@asynccontextmanager
async def proxied(url: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Proxy]:
    """A way to the broker at `url`, over TLS if there is what that needs."""
    proxy = Proxy(url, tls)
    await proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()
