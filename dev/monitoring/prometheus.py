"""A private Prometheus, the installed one or the Debian package unpacked, and what it answers."""

import json
import math
import os
import shutil
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev import ports
from dev.packages import Bundle, Missing, library_path, unpack
from dev.processes import Program, tied

BUNDLE = Bundle(
    package="prometheus",
    pattern="prometheus|promtool",
    programs=("usr/bin/prometheus", "usr/bin/promtool"),
)
Json = dict[str, Any]


@dataclass(frozen=True)
class Series:
    """The labels of a series, and its samples: (Unix time, value), in order."""

    labels: Mapping[str, str]
    samples: tuple[tuple[float, float], ...]

    @property
    def has_data(self) -> bool:
        """Whether one of the samples is a number."""
        return any(not math.isnan(value) for _, value in self.samples)


class Prometheus:
    """A running server."""

    def __init__(self, url: str) -> None:
        self._url = url

    def over(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        """A query at each `step` seconds of a span. Raises `urllib.error.HTTPError` for a wrong one."""
        asked = {"query": expr, "start": start, "end": end, "step": step}
        return [_series(one, one["values"]) for one in self._ask("query_range", **asked)["result"]]

    def now(self, expr: str) -> list[Series]:
        """A query at this instant."""
        return [_series(one, [one["value"]]) for one in self._ask("query", query=expr)["result"]]

    def names(self) -> set[str]:
        """The names of all series."""
        found: list[str] = self._ask("label/__name__/values")
        return set(found)

    def firing(self) -> set[str]:
        """The alerts that fire."""
        alerts: list[Json] = self._ask("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def unscraped(self) -> list[str]:
        """What it is told to scrape and cannot, with the error."""
        targets: list[Json] = self._ask("targets")["activeTargets"]
        return [f"{one['scrapeUrl']}: {one['lastError']}" for one in targets if one["health"] != "up"]

    def _ask(self, what: str, **parameters: object) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self._url}/api/v1/{what}?{query}", timeout=60) as answer:
            return json.load(answer)["data"]


@contextmanager
def prometheus(folder: Path, configuration: Path) -> Iterator[Prometheus]:
    """A server whose files are in `folder`, stopped at the end. Raises Missing if there is none to be had."""
    folder.mkdir(parents=True, exist_ok=True)
    (port,) = ports.free(1)
    args = [
        str(program("prometheus")),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    server = Program(tied(args), environment(), folder / "prometheus.log")
    url = f"http://127.0.0.1:{port}"
    server.start()
    try:
        server.wait_until(lambda: _is_ready(url))
        yield Prometheus(url)
    finally:
        server.stop()


def program(name: str) -> Path:
    """`prometheus` or `promtool`. Raises Missing."""
    if found := shutil.which(name):
        return Path(found)
    try:
        return unpack(BUNDLE) / "usr" / "bin" / name
    except Missing as missing:
        raise Missing(f"The tests need Prometheus, and {missing}: install prometheus.") from missing


def environment() -> dict[str, str]:
    """In which the unpacked programs find their libraries."""
    if shutil.which("prometheus"):
        return dict(os.environ)
    return {**os.environ, "LD_LIBRARY_PATH": library_path(unpack(BUNDLE))}


def _series(one: Json, samples: list[list[Any]]) -> Series:
    return Series(one["metric"], tuple((float(at), float(value)) for at, value in samples))


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
