"""How `receive` answers offers: by rule, or by asking whoever sits at the terminal."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from fnmatch import fnmatchcase
from typing import Literal

from rollcast.cli.exits import UsageError
from rollcast.cli.prompt import Prompt
from rollcast.messages.values import Offer
from rollcast.receiving.consent import Decide, Decision

Accept = Literal["ask", "all", "none"]


def decide_by(accept: Accept | None, senders: Sequence[str]) -> Decide:
    """Decide by `--accept` and `--accept-from`. Raises `UsageError` if nobody is there to be asked."""
    answer = _answer(accept)

    async def decide(offer: Offer) -> Decision:
        if senders and not any(fnmatchcase(offer.sender, pattern) for pattern in senders):
            return Decision(False, "files from this sender are not taken here")
        return await answer(offer)

    return decide


def _answer(accept: Accept | None) -> Callable[[Offer], Awaitable[Decision]]:
    if accept in {"all", "none"}:
        return _always(accept == "all")
    if sys.stdin.isatty():
        return Prompt(sys.stdin.fileno()).ask
    raise UsageError(
        "nobody can be asked, as standard input is no terminal", hint="Give --accept all or --accept none."
    )


def _always(accept: bool) -> Callable[[Offer], Awaitable[Decision]]:
    async def answer(_: Offer) -> Decision:
        return Decision(accept)

    return answer
