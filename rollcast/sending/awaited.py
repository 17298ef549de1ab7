"""A transfer whose file the server has: its report is waited for."""

import asyncio
from contextlib import suppress

from rollcast.backoff import backoff
from rollcast.messages import Message, TransferReported
from rollcast.queries import Ask, describe
from rollcast.report import Report

FIRST_LOOK, LONGEST_LOOK = 1.0, 30.0
"""Seconds after which the transfer is asked after, at first and at the most; a report may not reach this process."""


class Awaited:
    """Waits for the report of one transfer. `hear` takes what the server says meanwhile."""

    def __init__(self, ask: Ask, transfer_id: str) -> None:
        self._ask = ask
        self._transfer_id = transfer_id
        self._news = asyncio.Event()
        self._error: BaseException | None = None

    def hear(self, message: Message) -> None:
        """Take a message of the server that is about this transfer."""
        if isinstance(message, TransferReported):
            self._news.set()

    def fail(self, error: BaseException) -> None:
        """Let `report` fail: nothing can be heard any more."""
        self._error = error
        self._news.set()

    async def report(self) -> Report:
        """The report, once nobody on the list receives any more.

        Raises `RequestRefused` if the server knows no such transfer, `BrokerUnavailable`.
        """
        for wait in backoff(FIRST_LOOK, LONGEST_LOOK):
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._news.wait()
            self._news.clear()
            if self._error is not None:
                raise self._error
            report = await describe(self._ask, self._transfer_id)
            if report.settled:
                break
        return report
