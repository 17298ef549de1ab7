"""Questions about transfers, page by page."""

from typing import Protocol, TypeVar

from rollcast.messages import Message, Query, TransferDescribed, TransferReported, TransfersListed
from rollcast.messages.values import TransferStatus
from rollcast.report import Report

M = TypeVar("M", bound=Message)

ANSWERED_WITHIN = 30.0
"""Seconds that a server may take to answer a query."""


class Ask(Protocol):
    """Asks a server, and raises `RequestRefused`, or `BrokerUnavailable` after `within` seconds."""

    async def __call__(self, message: Message, expect: type[M], within: float) -> M:
        """The answer, of the type that is expected."""


async def describe(ask: Ask, transfer_id: str) -> Report:
    """A transfer with all of its receivers."""
    return await complete(ask, await ask(Query(transfer_id=transfer_id), TransferDescribed, ANSWERED_WITHIN))


async def complete(ask: Ask, first: TransferDescribed | TransferReported) -> Report:
    """The report that `first` begins."""
    receivers, page = list(first.receivers), first
    while page.next is not None:
        query = Query(transfer_id=first.transfer.transfer_id, after=page.next)
        page = await ask(query, TransferDescribed, ANSWERED_WITHIN)
        receivers += page.receivers
    return Report(first.transfer, receivers)


async def list_all(ask: Ask) -> list[TransferStatus]:
    """All transfers that the asker may see, newest first."""
    page = await ask(Query(), TransfersListed, ANSWERED_WITHIN)
    transfers = list(page.transfers)
    while page.next is not None:
        page = await ask(Query(after=page.next), TransfersListed, ANSWERED_WITHIN)
        transfers += page.transfers
    return transfers
