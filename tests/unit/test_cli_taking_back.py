"""What `send` says when it is interrupted."""

import asyncio
import json
import os
import signal
from typing import cast

import pytest

from rollcast.cli import taking_back
from rollcast.cli.exits import Interrupted
from rollcast.cli.taking_back import take_back
from rollcast.errors import BrokerUnavailable, RequestRefused
from rollcast.reasons import Code
from rollcast.report import Report
from rollcast.sender import Sender
from rollcast.states import Receiver, Transfer
from tests.unit.cli_samples import course, receiver, transfer
from tests.unit.offers import TRANSFER


class Cancels:
    """A sender whose transfer ends as it is told, or never does."""

    def __init__(self, end: Report | Exception | None) -> None:
        self._end = end

    async def cancel(self, transfer_id: str) -> Report:
        """The end."""
        if self._end is None:
            await asyncio.sleep(3600)
        if isinstance(self._end, Report):
            return self._end
        assert self._end is not None
        raise self._end


async def taken_back(end: Report | Exception | None) -> Report:
    """What becomes of it."""
    return await take_back(cast(Sender, Cancels(end)), course(), json=True)


async def test_a_transfer_that_ends_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """With its state."""
    report = Report(transfer(Transfer.CANCELLED), [receiver("bob@acme", Receiver.CANCELLED)])
    assert await taken_back(report) is report
    assert f"interrupted; transfer {TRANSFER} is cancelled" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (RequestRefused("none", code=Code.NO_SUCH_TRANSFER), "interrupted; nothing was sent"),
        (BrokerUnavailable("away"), f"transfer {TRANSFER} goes on: away"),
        (None, "not confirmed yet"),
    ],
)
async def test_how_else_it_is_left_is_said(
    end: Exception | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was sent while the file was being read; the rest can be cancelled later."""
    monkeypatch.setattr(taking_back, "WITHIN", 0.01)
    with pytest.raises(Interrupted, match=said):
        await taken_back(end)


async def test_a_second_ctrl_c_leaves_with_a_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has the transfer, and how to make sure of its end."""
    left: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    monkeypatch.setattr("os._exit", left.set_result)
    waiting = asyncio.create_task(taken_back(None))
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGINT)
    assert await asyncio.wait_for(left, 10) == 130
    waiting.cancel()
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "interrupted"
    assert f"rollcast cancel {TRANSFER} --as alice@acme" in error["hint"]
