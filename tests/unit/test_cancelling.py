"""Taking a transfer back."""

import asyncio

import pytest

from rollcast.errors import BrokerUnavailable, RequestRefused
from rollcast.messages import CancelRequested, Message, Query, Refused, TransferDescribed
from rollcast.reasons import Code
from rollcast.sending import cancelling as module
from rollcast.sending.cancelling import cancel
from rollcast.states import Receiver, Transfer
from tests.people import BOB
from tests.unit.cli_samples import receiver, transfer
from tests.unit.fakes import FakeSession
from tests.unit.offers import TRANSFER

UNKNOWN = Refused(reason=Code.NO_SUCH_TRANSFER, detail="no such transfer", hint="")


def stands(state: Transfer) -> TransferDescribed:
    """How the transfer stands."""
    return TransferDescribed(transfer=transfer(state), receivers=[receiver(BOB, Receiver.CANCELLED)])


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without long pauses."""
    monkeypatch.setattr(module, "FIRST_LOOK", 0.001)
    monkeypatch.setattr(module, "LONGEST_LOOK", 0.002)


async def cancelled(*answers: Message, expected: bool = False) -> list[type[Message]]:
    """What is said to a server that answers so."""
    session = FakeSession()
    session.answers = list(answers)
    report = await cancel(session, TRANSFER, expected=expected)
    assert report.transfer.state is Transfer.CANCELLED
    return [type(message) for message in session.told_so_far()]


async def test_it_is_said_once_and_looked_at_until_the_end() -> None:
    """A server needs no reminding at each look."""
    said = await cancelled(stands(Transfer.CASTING), stands(Transfer.CASTING), stands(Transfer.CANCELLED))
    assert said == [Query, CancelRequested, Query, Query]


async def test_it_is_said_again_if_nothing_comes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while, for it may have been lost."""
    monkeypatch.setattr(module, "SAID_AGAIN_AFTER", 0.0)
    said = await cancelled(stands(Transfer.ASKING), stands(Transfer.ASKING), stands(Transfer.CANCELLED))
    assert said == [Query, CancelRequested, Query, CancelRequested, Query]


async def test_a_transfer_that_has_ended_is_left_alone() -> None:
    """Its report is the answer."""
    assert await cancelled(stands(Transfer.CANCELLED)) == [Query]


async def test_nothing_is_said_of_a_transfer_that_is_not_there() -> None:
    """A server would take that for an attack. One that was asked for just now is waited for."""
    with pytest.raises(RequestRefused):
        await cancelled(UNKNOWN)
    said = await cancelled(UNKNOWN, stands(Transfer.REQUESTED), stands(Transfer.CANCELLED), expected=True)
    assert said == [Query, Query, CancelRequested, Query]


async def test_another_refusal_is_not_waited_out() -> None:
    """It will not become better."""
    refused = Refused(reason=Code.SUSPENDED, detail="suspended", hint="")
    with pytest.raises(RequestRefused, match="suspended"):
        await cancelled(refused, expected=True)


async def test_a_transfer_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, after the time that a server may take."""
    monkeypatch.setattr(module, "ENDS_WITHIN", 0.05)
    with pytest.raises(BrokerUnavailable, match="not seen to end"):
        await asyncio.wait_for(cancelled(*[stands(Transfer.CASTING)] * 1000), 5)
