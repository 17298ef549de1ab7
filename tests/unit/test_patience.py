"""A start waits for what is not there yet, says so, and gives up in the end."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from rollcast.errors import BrokerUnavailable, Permanent, Transient
from workers.process import patience
from workers.process.patience import patiently


class Absent:
    """Something that is not there for the first `times`."""

    def __init__(self, times: float, error: Exception) -> None:
        self.tries = 0
        self.tried_thrice = asyncio.Event()
        self._times = times
        self._error = error

    async def attempt(self) -> None:
        """Look for it."""
        self.tries += 1
        if self.tries == 3:
            self.tried_thrice.set()
        if self.tries <= self._times:
            raise self._error


async def test_what_is_there_is_not_waited_for() -> None:
    """And nothing is said, by whatever the attempt is made."""
    there = Absent(0, Transient("away"))
    with capture_logs() as lines:
        await patiently("the ledger", lambda: there.attempt())
    assert (there.tries, lines) == (1, [])


async def test_each_attempt_is_told() -> None:
    """With its number, what is wrong, what to do, and when the next one comes."""
    late = Absent(2, BrokerUnavailable("no broker answers", hint="Check that it runs."))
    with capture_logs() as lines:
        await patiently("the broker", late.attempt)
    assert late.tries == 3
    assert [line["attempt"] for line in lines] == [1, 2]
    for line in lines:
        _is_warning(line, "waiting for the broker", "no broker answers")
        assert line["hint"] == "Check that it runs."
        assert 0 <= line["next_try_s"] <= patience.LONGEST_PAUSE_S


def _is_warning(line: Any, event: str, error: str) -> None:
    assert (line["log_level"], line["event"], line["error"]) == ("warning", event, error)


async def test_it_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was waited for, for how long, and the last error are told, still with what to do."""
    monkeypatch.setattr(patience, "WAIT_S", 0.3)
    never = Absent(float("inf"), Transient("refused", hint="Start it."))
    with capture_logs() as lines, pytest.raises(Transient) as raised:
        await patiently("the ledger", never.attempt)
    assert str(raised.value) == "the ledger was waited for 0.3 s, in vain: refused"
    assert raised.value.hint == "Start it."
    assert len(lines) == never.tries - 1 > 0


async def test_what_will_never_be_there_is_not_waited_for() -> None:
    """One attempt is enough."""
    refused = Absent(1, Permanent("wrong password"))
    with pytest.raises(Permanent, match="wrong password"):
        await patiently("the broker", refused.attempt)
    assert refused.tries == 1


async def test_waiting_can_be_cut_short() -> None:
    """A pause is no obstacle."""
    never = Absent(float("inf"), Transient("away"))
    waiting = asyncio.create_task(patiently("the ledger", never.attempt))
    await never.tried_thrice.wait()
    waiting.cancel()
    async with asyncio.timeout(1):
        await asyncio.wait({waiting})
    assert waiting.cancelled()
