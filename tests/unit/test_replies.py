"""Whoever has lost a reply gets none for a while: its place may be what costs everybody the connection."""

from typing import cast

import pytest

from rollcast.broker import Publisher
from rollcast.errors import BrokerUnavailable
from rollcast.messages import ReceiptRecorded
from tests.people import ALICE, EVE
from workers import replies as module
from workers.replies import Replies

REPLY = ReceiptRecorded(transfer_id="e" * 32)
BAD, GOOD = "nowhere", "somewhere"


class Picky:
    """A broker that closes the connection over one place."""

    def __init__(self) -> None:
        self.tried: list[str] = []

    async def publish(self, exchange: str, key: str, body: bytes, **_: object) -> bool:
        """Take it, or not."""
        self.tried.append(key)
        if key == BAD:
            raise BrokerUnavailable("the connection was closed")
        return True


@pytest.mark.parametrize(("muted_for", "tried"), [(60.0, [BAD, GOOD]), (0.0, [BAD, GOOD, BAD, GOOD])])
async def test_a_reply_that_is_lost_mutes_its_account(
    monkeypatch: pytest.MonkeyPatch, muted_for: float, tried: list[str]
) -> None:
    """Not for ever, and nobody else."""
    monkeypatch.setattr(module, "MUTED_S", muted_for)
    picky = Picky()
    replies = Replies(cast(Publisher, picky))
    for user, place in ((EVE, BAD), (ALICE, GOOD), (EVE, BAD), (EVE, GOOD)):
        await replies.send(user, place, None, REPLY)
    assert picky.tried == tried
