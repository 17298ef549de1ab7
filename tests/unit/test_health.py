"""The endpoints of a worker process."""

import socket
from typing import Any

import aiohttp
import pytest

from dev import ports
from rollcast.errors import Permanent
from workers.process.health import Health
from workers.process.standing import Report


class Patient:
    """Feels as a test says."""

    def __init__(self, well: bool = True) -> None:
        self.well = well

    def alive(self) -> Report:
        """As the test says."""
        return Report(self.well, {"alive": self.well})

    async def ready(self) -> Report:
        """As the test says."""
        return Report(self.well, {"ready": self.well})


async def _get(url: str) -> tuple[int, str, Any]:
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        kind = answer.content_type
        return answer.status, kind, await (answer.json() if kind == "application/json" else answer.text())


def _hosts() -> list[str]:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return ["127.0.0.1"]
    return ["127.0.0.1", "[::1]"]


@pytest.mark.parametrize("host", _hosts())
async def test_endpoints(host: str) -> None:
    """On all interfaces: 200 while all is well, else 503, with the report as JSON; and the metrics."""
    (port,) = ports.free(1)
    patient = Patient()
    async with Health(port, patient):
        for well, status in ((True, 200), (False, 503)):
            patient.well = well
            for path, word in (("livez", "alive"), ("readyz", "ready")):
                answer = await _get(f"http://{host}:{port}/{path}")
                assert answer == (status, "application/json", {word: well})
        status, kind, text = await _get(f"http://{host}:{port}/metrics")
        assert (status, kind) == (200, "text/plain")
        assert "python_info" in text
        assert (await _get(f"http://{host}:{port}/healthz"))[0] == 404
    assert ports.is_free(port)


async def test_a_port_that_is_taken() -> None:
    """The message has the port, and the hint the variable."""
    (port,) = ports.free(1)
    async with Health(port, Patient()):
        with pytest.raises(Permanent, match=f"{port}, cannot be listened on: ") as raised:
            async with Health(port, Patient()):
                pass
    assert "ROLLCAST_METRICS_PORT" in raised.value.hint
