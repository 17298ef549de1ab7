"""A way to an HTTP server, such as a bucket's, that can be told to answer errors instead."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import ClientSession, web
from yarl import URL

from dev import ports

SLOW_DOWN = 503
POLL_S = 0.02
HOP_BY_HOP = {"transfer-encoding", "connection", "content-length", "keep-alive"}


class Front:
    """Passes requests on to the server at `port`.

    Those whose method is among what it `refuses` are answered with an error. Of what is put into a folder so many
    as it `lets` pass, if that is a number; the others wait.
    """

    def __init__(self, port: int) -> None:
        (self.port,) = ports.free(1)
        self.lets: int | None = None
        self.refuses: frozenset[str] = frozenset()
        self._passed: Counter[str] = Counter()
        self._server = URL(f"http://127.0.0.1:{port}")
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def open(self) -> None:
        """Return when it serves."""
        self._thread.start()
        assert self._up.wait(30), "the front does not come up"

    def close(self) -> None:
        """Serve no more."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{path:.*}", self._answer)
        async with ClientSession(self._server, auto_decompress=False) as self._session:
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", self.port).start()
            self._up.set()
            await self._over.wait()
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        while True:
            if request.method in self.refuses:
                return web.Response(status=SLOW_DOWN, text="<Error><Code>SlowDown</Code></Error>")
            if self._may_pass(request):
                break
            await asyncio.sleep(POLL_S)
        return await self._pass(request, body)

    def _may_pass(self, request: web.Request) -> bool:
        folder = request.path.rpartition("/")[0]
        if request.method == "PUT" and self.lets is not None:
            if self._passed[folder] >= self.lets:
                return False
            self._passed[folder] += 1
        return True

    async def _pass(self, request: web.Request, body: bytes) -> web.Response:
        path = URL(request.raw_path, encoded=True)
        # The header Host is signed, and has to stay as it is.
        async with self._session.request(
            request.method, path, headers=request.headers, data=body, allow_redirects=False
        ) as answer:
            headers = {key: value for key, value in answer.headers.items() if key.lower() not in HOP_BY_HOP}
            return web.Response(status=answer.status, headers=headers, body=await answer.read())


@contextmanager
def front(port: int) -> Iterator[Front]:
    """A way to the HTTP server at `port`."""
    made = Front(port)
    made.open()
    try:
        yield made
    finally:
        made.close()
