"""How long to wait before asking again, and how to wait."""

import asyncio
import random
from collections.abc import Iterator


def backoff(first: float, most: float) -> Iterator[float]:
    """Seconds: `first`, then twice as long each time up to `most`, all but the first by a random part shorter."""
    yield first
    while True:
        first = min(first * 2, most)
        yield first * random.uniform(0.7, 1.0)


class Silence:
    """Nothing being heard."""

    def __init__(self) -> None:
        self._noise = asyncio.Event()

    def end(self) -> None:
        """Something was heard."""
        self._noise.set()

    async def lasts(self, seconds: float) -> None:
        """Return when nothing has been heard for so long."""
        while await self.ends(seconds):
            pass

    async def ends(self, seconds: float) -> bool:
        """Wait until something is heard. Returns False if that takes longer."""
        self._noise.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._noise.wait()
        except TimeoutError:
            return False
        return True
