"""A slow way to the broker, a process of its own: `python -m bench.throttle PORT OWN_PORT BYTES_A_SECOND`."""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from bench.stage import Stage
from dev import ports
from dev.processes import Program, tied

TICK_S = 0.05
"""Seconds' worth of bytes that are passed on together."""


@contextmanager
def throttled(stage: Stage, addresses: Sequence[str], rate: int) -> Iterator[None]:
    """These accounts hear from the broker at `rate` bytes a second, on each of their connections."""
    (port,) = ports.free(1)
    broker = urlsplit(stage.node.amqp_url).port
    command = [sys.executable, "-m", "bench.throttle", str(broker), str(port), str(rate)]
    process = Program(tied(command), os.environ, stage.folder / "throttle.log")
    for address in addresses:
        credentials = stage.credentials(address)
        url = credentials.amqp_url.replace(f":{broker}", f":{port}")
        replace(credentials, amqp_url=url).save(stage.settings)
    try:
        process.start()
        process.wait_until(lambda: ports.answers(port))
        yield
    finally:
        process.stop()


async def _serve(port: int, own_port: int, rate: int) -> None:
    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, back, None), _copy(there, writer, rate))

    server = await asyncio.start_server(pass_on, "127.0.0.1", own_port)
    await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: int | None) -> None:
    """Copy to the end of the stream, at so many bytes a second if given."""
    clock = asyncio.get_running_loop()
    free_at = clock.time()
    size = 65_536 if rate is None else int(rate * TICK_S)
    try:
        while block := await reader.read(size):
            writer.write(block)
            await writer.drain()
            if rate is not None:
                free_at = max(free_at, clock.time() - TICK_S) + len(block) / rate
                await asyncio.sleep(free_at - clock.time())
    finally:
        writer.transport.abort()


if __name__ == "__main__":
    asyncio.run(_serve(*map(int, sys.argv[1:])))
