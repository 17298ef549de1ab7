"""Asking whether something answers, without ever waiting long for it."""

import asyncio
from collections.abc import Awaitable, Callable

WITHIN_S = 2.0


class Probe:
    """Asks one question at a time: whoever wants to know while one is out waits for the same answer."""

    def __init__(self, ask: Callable[[], Awaitable[None]], within: float = WITHIN_S) -> None:
        self._ask = ask
        self._within = within
        self._asking: asyncio.Future[None] | None = None

    async def fault(self) -> str | None:
        """Why there is no good answer, in words; None if there is one."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask())
            self._asking.add_done_callback(_seen)
        # Not cancelled when it takes too long: that may have to wait for a thread.
        await asyncio.wait({self._asking}, timeout=self._within)
        if not self._asking.done() or self._asking.cancelled():
            return f"no answer within {self._within:g} s"
        error = self._asking.exception()
        return None if error is None else str(error)

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking})


def _seen(asking: asyncio.Future[None]) -> None:
    """An answer that comes when nobody waits any more is no unhandled error."""
    if not asking.cancelled():
        asking.exception()
