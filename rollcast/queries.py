"""Questions about transfers, page by page."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from rollcast.messages import Message, Query, TransferDescribed, TransferReported, TransfersListed
from rollcast.messages.values import MAX_RECEIVERS, ReceiverStatus, TransferStatus
from rollcast.report import Report

M = TypeVar("M", bound=Message)

ANSWERED_WITHIN = 30.0
"""Seconds that a server may take to answer a query."""


@dataclass(frozen=True)
class Glance:
    """A transfer at an instant of its server (µs UTC), with those of its receivers that hold it up most."""

    transfer: TransferStatus
    receivers: Sequence[ReceiverStatus]
    at: int


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


async def glance(ask: Ask, transfer_id: str, most: int) -> Glance:
    """A transfer with at most so many of its receivers: those that hold it up."""
    query = Query(transfer_id=transfer_id, limit=max(1, min(most, MAX_RECEIVERS)), order="slowest")
    found = await ask(query, TransferDescribed, ANSWERED_WITHIN)
    return Glance(found.transfer, found.receivers, found.at or time.time_ns() // 1000)


async def newest(ask: Ask, most: int | None = None) -> list[TransferStatus]:
    """The transfers that the asker may see, newest first; all of them, or so many."""
    transfers: list[TransferStatus] = []
    after: int | None = 0
    while after is not None and (most is None or len(transfers) < most):
        limit = None if most is None else min(most - len(transfers), MAX_RECEIVERS)
        page = await ask(Query(after=after, limit=limit), TransfersListed, ANSWERED_WITHIN)
        transfers += page.transfers
        after = page.next
    return transfers
