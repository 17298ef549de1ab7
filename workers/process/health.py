"""`/metrics` for Prometheus, `/livez` and `/readyz` for whoever runs the process."""

from types import TracebackType
from typing import Protocol

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from rollcast.errors import Permanent
from workers.process.standing import Report


class Subject(Protocol):
    """Whose health it is."""

    def alive(self) -> Report:
        """Whether it is worth keeping."""

    async def ready(self) -> Report:
        """Whether it works."""


class Health:
    """A small HTTP server on all interfaces, IPv4 and IPv6; port 0 means none."""

    def __init__(self, port: int, subject: Subject) -> None:
        self._port = port
        self._subject = subject
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> "Health":
        if self._port:
            app = web.Application()
            routes = {"/metrics": _metrics, "/livez": self._livez, "/readyz": self._readyz}
            app.add_routes([web.get(path, handler) for path, handler in routes.items()])
            self._runner = web.AppRunner(app, access_log=None)
            await self._runner.setup()
            await self._listen(self._runner)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> None:
        try:
            await web.TCPSite(runner, None, self._port).start()
        except OSError as error:
            await runner.cleanup()
            raise Permanent(
                f"the port of /metrics, {self._port}, cannot be listened on: {error.strerror}",
                hint="Set ROLLCAST_METRICS_PORT to a free one, or to 0 for none.",
                code="port_unusable",
            ) from error

    async def _livez(self, _: web.Request) -> web.Response:
        return _response(self._subject.alive())

    async def _readyz(self, _: web.Request) -> web.Response:
        return _response(await self._subject.ready())


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _response(report: Report) -> web.Response:
    return web.json_response(report.told, status=200 if report.well else 503)
