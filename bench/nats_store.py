"""A peer: the object store of NATS (JetStream, on disk), and as many clients as there are receivers.

What is measured begins with the upload, as with us: nobody can read an object before it is whole. A client is a
process that is connected already; it verifies the SHA-256 of the whole file, and syncs it.
"""

import asyncio
import os
import shutil
import sys
import time
from pathlib import Path

import nats
from nats.js.api import ObjectMeta, ObjectMetaOptions

from dev import ports
from dev.packages import Bundle, unpack
from dev.processes import Program, tied

BUNDLE = Bundle(package="nats-server", pattern="nats-server", programs=("usr/sbin/nats-server",))
BUCKET = "bench"
CHUNK = 1000 * 1024
"""Bytes, a little below the biggest message that a server takes unless told; the library's 128 KiB are no faster."""
CLIENT = (sys.executable, "-m", "bench.nats_client")
READY = b"ready\n"


class NatsStore:
    """A private server. Raises Missing if there is none to be had."""

    name = "nats"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        (port,) = ports.free(1)
        self._url = f"nats://127.0.0.1:{port}"
        command = [_program(), "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder / "store")]
        self._server = Program(tied(command), os.environ, folder / "nats.log")
        self._server.start()
        self._server.wait_until(lambda: ports.answers(port))

    def close(self) -> None:
        """Stop it."""
        self._server.stop()

    def fetch(self, source: Path, clients: int) -> float:
        """Seconds in which the file is stored, and so many clients have it, verified and synced."""
        into = self._folder / "fetched"
        into.mkdir()
        try:
            return asyncio.run(self._fetch(source, into, clients))
        finally:
            shutil.rmtree(into)

    async def _fetch(self, source: Path, into: Path, clients: int) -> float:
        connection = await nats.connect(self._url)
        context = connection.jetstream()
        store = await context.create_object_store(BUCKET)
        running = await asyncio.gather(*(self._client(source, into / str(n)) for n in range(clients)))
        started = time.perf_counter()
        options = ObjectMetaOptions(max_chunk_size=CHUNK)
        with source.open("rb") as file:
            await store.put(source.name, file, ObjectMeta(name=source.name, options=options))
        outcomes = await asyncio.gather(*(process.communicate(b"go\n") for process in running))
        seconds = time.perf_counter() - started
        await context.delete_object_store(BUCKET)
        await connection.close()
        if any(process.returncode for process in running):
            raise RuntimeError(f"a client failed: {outcomes}")
        return seconds

    async def _client(self, source: Path, target: Path) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        words = tied([*CLIENT, self._url, BUCKET, source.name, str(target)])
        process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=pipe)
        assert process.stdout is not None
        if await process.stdout.readline() != READY:
            raise RuntimeError(f"a client does not come up: {await process.communicate()}")
        return process


def _program() -> str:
    return shutil.which("nats-server") or str(unpack(BUNDLE) / "usr/sbin/nats-server")
