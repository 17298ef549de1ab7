"""Programs of which one runs in a checkout at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from dev.packages import RUN
from dev.processes import Failed


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Hold `make NAME`'s lock. Raises Failed if it runs already."""
    RUN.mkdir(exist_ok=True)
    with (RUN / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(f"`make {name}` is already running in this checkout.") from None
        yield
