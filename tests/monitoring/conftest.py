"""A run of real transfers with faults, on a real broker, that a real Prometheus has watched."""

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from dev.monitoring.observed import Observed, observed
from dev.monitoring.prometheus import Prometheus, environment, program
from dev.monitoring.terminals import wait_until
from dev.packages import Missing

SMALL = (3_000_000, 200_000)
"""Bytes: more than one of the receivers takes, in chunks; less than a chunk."""
ENDED = f"sum(rollcast_transfers_ended_total) == {len(SMALL) + 1}"
ALL_SEEN = f"sum(rate(rollcast_delivery_seconds_count[5m])) > 0 and on () {ENDED}"
PARKED = "RollcastMessagesParked"
SEEN_WITHIN_S = 20.0
STEP = 2.0
"""Seconds between two looks at what a query gave."""


@dataclass(frozen=True)
class Watched:
    """What was observed, and since when."""

    seen: Observed
    start: float

    @property
    def prometheus(self) -> Prometheus:
        """What has watched."""
        return self.seen.prometheus

    def gives_data(self, expr: str) -> bool:
        """Whether a query gives a number at any time of the run; what was counted last is seen a moment later."""
        deadline = time.monotonic() + SEEN_WITHIN_S
        while not any(one.has_data for one in self.prometheus.over(expr, self.start, time.time(), STEP)):
            if time.monotonic() > deadline:
                return False
            time.sleep(STEP)
        return True

    def highest(self, expr: str) -> float:
        """The highest number that a query gave. Before the clock has looked for the first time there is none."""
        over = self.prometheus.over(expr, self.start, time.time(), STEP)
        return max(value for series in over for _, value in series.samples if not math.isnan(value))


def unless_missing(missing: Missing) -> None:
    """A machine that cannot have a program passes over its tests; CI does not."""
    if os.environ.get("CI") == "true":
        pytest.fail(str(missing))
    pytest.skip(str(missing))


@pytest.fixture(scope="session")
def promtool() -> tuple[str, dict[str, str]]:
    """Prometheus' own checker, and the environment that it needs."""
    try:
        return str(program("promtool")), environment()
    except Missing as missing:
        unless_missing(missing)
        raise


@pytest.fixture(scope="session")
def watched(
    tmp_path_factory: pytest.TempPathFactory, promtool: tuple[str, dict[str, str]]
) -> Iterator[Watched]:
    """The whole run: deliveries, a rejection, a retry, a parked message, a redelivery, a late receiver, repairs."""
    with observed(tmp_path_factory.mktemp("observed")) as seen:
        start = time.time()
        seen.play.prepare()
        # First, since who dies forgets what it has counted.
        seen.play.redeliver()
        seen.play.retry()
        seen.play.park()
        seen.play.deliver(SMALL)
        seen.play.stand_still(late=True)
        wait_until(lambda: seen.prometheus.now(ALL_SEEN) != [], "Prometheus has seen all ends")
        wait_until(lambda: PARKED in seen.prometheus.firing(), f"{PARKED} fires")
        yield Watched(seen, start)
