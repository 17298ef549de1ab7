"""`/metrics` for Prometheus and `/healthz` for whoever waits until a worker consumes."""

from types import TracebackType

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


class Health:
    """A small HTTP server; port 0 means none."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ready = False
        self._runner: web.AppRunner | None = None

    def ready(self) -> None:
        """From now on `/healthz` answers 200."""
        self._ready = True

    async def __aenter__(self) -> "Health":
        if self._port:
            app = web.Application()
            app.add_routes([web.get("/metrics", self._metrics), web.get("/healthz", self._healthz)])
            self._runner = web.AppRunner(app, access_log=None)
            await self._runner.setup()
            await web.TCPSite(self._runner, "0.0.0.0", self._port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _healthz(self, _: web.Request) -> web.Response:
        return (
            web.Response(text="consuming\n") if self._ready else web.Response(status=503, text="starting\n")
        )
