"""Waiting for the report of a transfer whose file the server has."""

import asyncio

import pytest

from rollcast import messages as m
from rollcast.errors import BrokerUnavailable, RequestRefused
from rollcast.messages.values import ReceiverStatus
from rollcast.reasons import Code
from rollcast.sending import awaited as module
from rollcast.sending.awaited import Awaited
from rollcast.states import Receiver, Transfer
from tests.people import BOB
from tests.unit.cli_samples import transfer
from tests.unit.fakes import FakeSession
from tests.unit.offers import TRANSFER

ENDED = m.TransferDescribed(transfer=transfer(Transfer.COMPLETED), receivers=[])


def under_way(state: Receiver) -> m.TransferDescribed:
    """A transfer that has been reported, with a receiver that still is in this state."""
    receivers = [ReceiverStatus(address=BOB, state=state)]
    return m.TransferDescribed(transfer=transfer(Transfer.CASTING), receivers=receivers)


@pytest.fixture
def session() -> FakeSession:
    """A server."""
    return FakeSession()


async def test_it_is_asked_after_until_it_ends(session: FakeSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who put the decision off is not waited for."""
    monkeypatch.setattr(module, "FIRST_LOOK", 0.001)
    monkeypatch.setattr(module, "LONGEST_LOOK", 0.002)
    session.answers = [under_way(Receiver.RECEIVING), under_way(Receiver.DEFERRED)]
    report = await Awaited(session.request, TRANSFER).report()
    assert report.transfer.state is Transfer.CASTING
    assert session.answers == []


async def test_news_are_looked_at_at_once(session: FakeSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a report is one."""
    monkeypatch.setattr(module, "FIRST_LOOK", 60.0)
    awaited = Awaited(session.request, TRANSFER)
    waiting = asyncio.create_task(awaited.report())
    awaited.hear(m.UploadCompleted(transfer_id=TRANSFER))
    assert await asyncio.wait([waiting], timeout=0.05) == (set(), {waiting})
    session.answers = [ENDED]
    awaited.hear(m.TransferReported(transfer=ENDED.transfer, receivers=[]))
    assert (await waiting).transfer == ENDED.transfer


async def test_what_cannot_be_heard_any_more(session: FakeSession) -> None:
    """Is an error at once, as is a transfer that the server does not know."""
    awaited = Awaited(session.request, TRANSFER)
    awaited.fail(BrokerUnavailable("gone"))
    with pytest.raises(BrokerUnavailable):
        await awaited.report()
    awaited = Awaited(session.request, TRANSFER)
    session.answers = [m.Refused(reason=Code.NO_SUCH_TRANSFER, detail="", hint="")]
    awaited.hear(m.TransferReported(transfer=ENDED.transfer, receivers=[]))
    with pytest.raises(RequestRefused):
        await awaited.report()
