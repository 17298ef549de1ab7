"""How a worker waits, at its start, for what it needs and is not there yet."""

from collections.abc import Awaitable, Callable

import structlog
import tenacity

from rollcast.errors import RollcastError, Transient

WAIT_S = 60.0
"""Seconds; whoever runs the process starts it again after that."""
LONGEST_PAUSE_S = 5.0

log = structlog.get_logger()


async def patiently(what: str, attempt: Callable[[], Awaitable[None]]) -> None:
    """Try until it succeeds, with jitter and for a minute, and say so. Raises `Transient` when that is over."""

    async def once() -> None:
        # What `tenacity` is to await has to be a coroutine function, not anything that returns an awaitable.
        await attempt()

    retrying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(Transient),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=LONGEST_PAUSE_S),
        stop=tenacity.stop_after_delay(WAIT_S),
        before_sleep=lambda state: _tell(what, state),
        reraise=True,
    )
    try:
        await retrying(once)
    except Transient as error:
        raise Transient(
            f"{what} was waited for {WAIT_S:g} s, in vain: {error}", code=error.code, hint=error.hint
        ) from error


def _tell(what: str, state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    hint = error.hint if isinstance(error, RollcastError) else ""
    log.warning(
        f"waiting for {what}",
        attempt=state.attempt_number,
        error=str(error),
        **({"hint": hint} if hint else {}),
        next_try_s=round(state.upcoming_sleep, 1),
        gives_up_after_s=WAIT_S,
    )
