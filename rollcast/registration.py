"""Registering again and again: a registration brings lost inboxes and lanes back."""

import asyncio
import time
from collections.abc import Callable

from rollcast.messages import Register, Registered
from rollcast.session import Session

FRESH = 2.0
"""Seconds for which a registration serves everybody who asks for one."""


class Registration:
    """A terminal's registration. Consumers that all lost the broker at once share one."""

    def __init__(
        self, session: Session, make: Callable[[], Register], announce: Callable[[Registered], None]
    ) -> None:
        self._session = session
        self._make = make
        self._announce = announce
        self._lock = asyncio.Lock()
        self._last: tuple[float, Registered] | None = None

    async def renew(self) -> Registered:
        """Register, unless that was done just now. Raises `RequestRefused`, `BrokerUnavailable`."""
        async with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > FRESH:
                registered = await self._session.register(self._make())
                self._last = time.monotonic(), registered
                self._announce(registered)
            return self._last[1]

    async def prepare(self) -> None:
        """What a consumer does before it starts."""
        await self.renew()
