"""The messages that servers could not handle, as an operator sees and settles them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from rollcast.errors import RequestRefused
from rollcast.messages import Message, ParkedAnswered, ParkedRequested
from rollcast.messages.values import ParkedAction, ParkedMessage
from rollcast.queries import ANSWERED_WITHIN
from rollcast.reasons import REASONS, Code
from rollcast.topology import STEPS

M = TypeVar("M", bound=Message)

NAMED = 100
"""The most messages that one request names."""
LISTED = 1000
"""The most messages of one domain that are listed; each page costs the server more than the one before it."""


class AskDomain(Protocol):
    """Asks the server of a domain, and raises `RequestRefused`, or `BrokerUnavailable` after `within` seconds."""

    async def __call__(self, domain: str, message: Message, expect: type[M], within: float) -> M:
        """The answer, of the type that is expected."""


@dataclass(frozen=True)
class ParkedListing:
    """Parked messages, the oldest first; `more` if these are not all."""

    messages: Sequence[ParkedMessage]
    more: bool


class ParkedMessages:
    """The parked messages of all servers of `domains`. A message has an id that is made from what it says."""

    def __init__(self, domains: Sequence[str], ask: AskDomain) -> None:
        self._domains = domains
        self._ask_domain = ask

    async def list(self) -> ParkedListing:
        """The oldest ones, without their text."""
        found: dict[str, ParkedMessage] = {}
        more = False
        for domain in self._domains:
            after: int | None = 0
            while after is not None and after < LISTED:
                request = ParkedRequested(action="list", after=after)
                page = await self._ask_domain(domain, request, ParkedAnswered, ANSWERED_WITHIN)
                # A server of several domains tells each of them of what it cannot assign to one.
                found |= {message.id: message for message in page.messages}
                after = page.next
            more = more or after is not None
        return ParkedListing(sorted(found.values(), key=_age), more)

    async def show(self, message_id: str) -> ParkedMessage:
        """One with its text. Raises `RequestRefused` if there is none under this id."""
        found = await self._ask("show", [message_id])
        if message_id not in found:
            code = Code.NO_SUCH_MESSAGE
            raise RequestRefused(
                f"{message_id}: {REASONS[code].sentence}", hint=REASONS[code].hint, code=code
            )
        return found[message_id]

    async def replay(self, ids: Iterable[str]) -> dict[str, Code | None]:
        """Let messages be handled again, as if they came now from whoever sent them.

        Returns for each id None, or why it was not replayed. One that fails again is parked again.
        """
        return await self._settle("replay", ids)

    async def drop(self, ids: Iterable[str]) -> dict[str, Code | None]:
        """Throw messages away. Returns for each id None, or why it was not dropped."""
        return await self._settle("drop", ids)

    async def _settle(self, action: ParkedAction, ids: Iterable[str]) -> dict[str, Code | None]:
        left = list(dict.fromkeys(ids))
        outcomes: dict[str, Code | None] = dict.fromkeys(left)
        while left:
            done = await self._ask(action, left)
            rest = [message_id for message_id in left if message_id not in done]
            there = await self._ask("show", rest)
            outcomes |= {message_id: _why_not(there.get(message_id)) for message_id in rest}
            # What could be done, and was not, only came behind something that could not be done at that moment.
            left = [message_id for message_id in rest if outcomes[message_id] is None]
        return outcomes

    async def _ask(self, action: ParkedAction, ids: Sequence[str]) -> dict[str, ParkedMessage]:
        """Those that the servers found under these ids, and did this to."""
        found: dict[str, ParkedMessage] = {}
        for domain in self._domains:
            missing = [message_id for message_id in ids if message_id not in found]
            for start in range(0, len(missing), NAMED):
                request = ParkedRequested(action=action, ids=missing[start : start + NAMED])
                found |= await self._answered(domain, request)
        return found

    async def _answered(self, domain: str, request: ParkedRequested) -> dict[str, ParkedMessage]:
        try:
            answer = await self._ask_domain(domain, request, ParkedAnswered, ANSWERED_WITHIN)
        except RequestRefused as error:
            if error.code in {Code.NO_SUCH_MESSAGE, Code.NOT_REPLAYABLE}:
                return {}
            raise
        return {message.id: message for message in answer.messages}


def _why_not(still_there: ParkedMessage | None) -> Code | None:
    if still_there is None:
        return Code.NO_SUCH_MESSAGE
    unknown = still_there.origin is None or still_there.step not in STEPS
    return Code.NOT_REPLAYABLE if unknown else None


def _age(message: ParkedMessage) -> tuple[int, str]:
    return message.parked_at or 0, message.id
