"""How a worker waits, at its start, for a broker or a database that is not there yet."""

import tenacity

from rollcast.errors import Transient

WAIT_S = 60

patiently = tenacity.retry(
    retry=tenacity.retry_if_exception_type(Transient),
    wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
    stop=tenacity.stop_after_delay(WAIT_S),
    reraise=True,
)
"""Decorates what is tried again for a minute, with jitter; then its `Transient` is raised."""
