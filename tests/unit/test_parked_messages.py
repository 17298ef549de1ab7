"""An operator's parked messages: pages and domains brought together, requests that can be met and that cannot."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import pytest

from rollcast.errors import RequestRefused
from rollcast.messages import Message, ParkedAnswered, ParkedRequested
from rollcast.messages.values import ParkedMessage
from rollcast.parked import LISTED, NAMED, ParkedMessages
from rollcast.reasons import Code
from tests.people import ACME, BOB, GLOBEX

M = TypeVar("M", bound=Message)


def parked(number: int, at: int = 0, origin: str | None = BOB, step: str = "s260") -> ParkedMessage:
    """A message under an id that is made from a number."""
    return ParkedMessage(id=f"{number:016x}", step=step, reason="try_again", parked_at=at, origin=origin)


def ids(*numbers: int) -> list[str]:
    """The ids of messages."""
    return [f"{number:016x}" for number in numbers]


class Servers:
    """Servers that have these messages; in `hindered` are those that they cannot replay at the first attempt."""

    def __init__(self, messages: Mapping[str, Sequence[ParkedMessage]], hindered: Sequence[str] = ()) -> None:
        self.messages = {domain: list(found) for domain, found in messages.items()}
        self.hindered = list(hindered)
        self.heard: list[tuple[str, ParkedRequested]] = []
        self.parked = ParkedMessages(tuple(messages), self.ask)

    async def ask(self, domain: str, message: Message, expect: type[M], within: float) -> M:
        """What the server of a domain answers."""
        assert isinstance(message, ParkedRequested)
        self.heard.append((domain, message))
        answer = self._answer(domain, message)
        assert isinstance(answer, expect)
        return answer

    def _answer(self, domain: str, request: ParkedRequested) -> Message:
        here = self.messages[domain]
        if request.action == "list":
            following = request.after + NAMED
            page = here[request.after : following]
            return ParkedAnswered(messages=page, next=following if len(here) > following else None)
        named = [message for message in here if message.id in request.ids]
        done = [message for message in named if request.action != "replay" or self._can_be_replayed(message)]
        if not done:
            code = Code.NOT_REPLAYABLE if named else Code.NO_SUCH_MESSAGE
            raise RequestRefused("no", code=code)
        if request.action != "show":
            self.messages = {
                other: [message for message in all_ if message not in done]
                for other, all_ in self.messages.items()
            }
        return ParkedAnswered(messages=done)

    def _can_be_replayed(self, message: ParkedMessage) -> bool:
        if message.id in self.hindered:
            self.hindered.remove(message.id)
            return False
        return message.origin is not None


async def test_all_pages_of_all_domains_are_one_listing() -> None:
    """By age; what several domains know of is listed once."""
    shared = parked(7, at=3)
    servers = Servers(
        {ACME: [*(parked(n, at=n) for n in range(1000, 1250)), shared], GLOBEX: [shared, parked(8)]}
    )
    listing = await servers.parked.list()
    assert [message.id for message in listing.messages] == ids(8, 7, *range(1000, 1250))
    assert not listing.more


async def test_a_listing_has_an_end() -> None:
    """Of very many only the oldest are fetched, and it is said that there are more."""
    servers = Servers({ACME: [parked(number) for number in range(LISTED + 1)]})
    listing = await servers.parked.list()
    assert (len(listing.messages), listing.more) == (LISTED, True)


async def test_one_is_shown_wherever_it_is() -> None:
    """Or refused if it is nowhere."""
    servers = Servers({ACME: [], GLOBEX: [parked(1)]})
    assert await servers.parked.show(ids(1)[0]) == parked(1)
    with pytest.raises(RequestRefused) as refused:
        await servers.parked.show(ids(2)[0])
    assert refused.value.code == Code.NO_SUCH_MESSAGE


async def test_what_can_be_replayed_is_and_the_rest_is_told() -> None:
    """With the reason of each, in the order in which they were named."""
    servers = Servers({ACME: [parked(1), parked(2, origin=None)], GLOBEX: [parked(3), parked(4)]})
    outcomes = await servers.parked.replay(ids(5, 3, 2, 1, 3))
    assert list(outcomes.items()) == [
        (ids(5)[0], Code.NO_SUCH_MESSAGE),
        (ids(3)[0], None),
        (ids(2)[0], Code.NOT_REPLAYABLE),
        (ids(1)[0], None),
    ]
    assert servers.messages == {ACME: [parked(2, origin=None)], GLOBEX: [parked(4)]}


async def test_what_was_only_hindered_is_asked_for_again() -> None:
    """A server that came to a stop behind some of them has not refused the others."""
    servers = Servers({ACME: [parked(1), parked(2)]}, hindered=ids(2))
    assert await servers.parked.replay(ids(1, 2)) == dict.fromkeys(ids(1, 2))
    assert servers.messages == {ACME: []}


async def test_many_are_named_in_parts() -> None:
    """No request names more than a message may; each is done once."""
    messages = [parked(number) for number in range(250)]
    servers = Servers({ACME: messages, GLOBEX: messages})
    outcomes = await servers.parked.drop(message.id for message in messages)
    assert outcomes == dict.fromkeys(message.id for message in messages)
    assert [(domain, len(request.ids)) for domain, request in servers.heard] == [
        *((ACME, size) for size in (100, 100, 50))
    ]


async def test_another_refusal_is_not_swallowed() -> None:
    """Such as that of a server that does not know the request."""

    async def ask(domain: str, message: Message, expect: type[M], within: float) -> M:
        raise RequestRefused("no", code=Code.INVALID_MESSAGE)

    with pytest.raises(RequestRefused):
        await ParkedMessages((ACME,), ask).drop(ids(1))
