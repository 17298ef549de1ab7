"""Stand-ins for the broker's side."""

import asyncio
from typing import TypeVar

from rollcast.chunks import Label, digest_of
from rollcast.credentials import Credentials
from rollcast.errors import RequestRefused
from rollcast.messages import AnswerRecorded, Message, ReceiptReported, Refused
from rollcast.session import Session
from tests.deliveries import FakeDelivery
from tests.people import ALICE
from tests.unit.offers import TRANSFER

M = TypeVar("M", bound=Message)


class FakeSession(Session):
    """A session that writes down what is told, and answers requests from `answers`."""

    def __init__(self, address: str = ALICE) -> None:
        super().__init__(Credentials(address, f"amqp://{address.replace('@', '%40')}:x@localhost/"))
        self.told: asyncio.Queue[Message] = asyncio.Queue()
        self.answers: list[Message] = []
        self.is_blocked = False

    async def tell(self, message: Message, *, persistent: bool = True) -> None:
        """Write it down."""
        self.told.put_nowait(message)

    def told_so_far(self) -> list[Message]:
        """All that was told since the last look."""
        return [self.told.get_nowait() for _ in range(self.told.qsize())]

    async def request(self, message: Message, expect: type[M], within: float) -> M:
        """The next answer; a fact that a terminal tells is always recorded."""
        await self.tell(message)
        if expect is AnswerRecorded or (isinstance(message, ReceiptReported) and not self.answers):
            return expect(transfer_id=message.transfer_id)  # type: ignore[attr-defined]
        answer = self.answers.pop(0)
        if isinstance(answer, Refused):
            raise RequestRefused(answer.detail, hint=answer.hint, code=answer.reason)
        assert isinstance(answer, expect)
        return answer

    async def ask(self, message: Message, expect: type[M], within: float) -> M:
        """The next answer."""
        return await self.request(message, expect, within)

    async def blocked(self) -> bool:
        """As the test says."""
        return self.is_blocked


def chunk(index: int, body: bytes, user: str | None = ALICE) -> FakeDelivery:
    """A chunk as its sender publishes it."""
    return FakeDelivery(body, user, headers=Label(TRANSFER, index, digest_of(body)).headers())
