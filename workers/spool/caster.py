"""Casts chunks out of the spool: to all lanes of a transfer, or again to one of them."""

import asyncio
from collections.abc import Iterator, Sequence

from rollcast.addresses import domain_of
from rollcast.broker import Publisher
from rollcast.chunks import CONTENT_TYPE, Label, digest_of
from rollcast.messages.values import Range
from rollcast.topology import LANE, cast, transfer_key
from workers import metrics
from workers.broker.declarer import Declarer
from workers.spool.store import Store
from workers.work import CastChunks

IN_FLIGHT = 8
"""Chunks that wait for the broker's confirm: bounds the memory of a cast."""


class Caster:
    """Reads the spool and publishes, a few chunks at a time."""

    def __init__(self, publisher: Publisher, declarer: Declarer, store: Store) -> None:
        self._publisher = publisher
        self._declarer = declarer
        self._store = store

    async def cast(self, action: CastChunks) -> bool:
        """Publish the chunks that the spool has; returns when the broker has confirmed them.

        Returns whether there was a queue for all of them. Those on the list ask for what they miss in any case.
        Raises `Transient`.
        """
        exchange, key = _target(action)
        if action.receiver is None and not await self._declarer.has_exchange(exchange):
            return False
        try:
            return await self._publish_all(action, exchange, key)
        except ExceptionGroup as failed:
            # By its kind the runner knows what to do; one says it as well as all.
            raise failed.exceptions[0] from failed

    async def _publish_all(self, action: CastChunks, exchange: str, key: str) -> bool:
        window = asyncio.Semaphore(IN_FLIGHT)
        publishing: list[asyncio.Task[bool]] = []
        async with asyncio.TaskGroup() as group:
            async for index, chunk in self._store.read(action.transfer_id, _indexes(action.ranges)):
                if chunk is None:
                    continue
                await window.acquire()
                task = group.create_task(
                    self._publisher.publish(
                        exchange,
                        key,
                        chunk,
                        headers=Label(action.transfer_id, index, digest_of(chunk)).headers(),
                        persistent=False,
                        content_type=CONTENT_TYPE,
                        mandatory=True,
                    )
                )
                publishing.append(task)
                task.add_done_callback(lambda _: window.release())
                _count(len(chunk), repaired=action.receiver is not None)
        return all(task.result() for task in publishing)


def _target(action: CastChunks) -> tuple[str, str]:
    if action.receiver is not None:
        return LANE, transfer_key(action.receiver, action.transfer_id)
    return cast(domain_of(action.sender), action.transfer_id), ""


def _indexes(ranges: Sequence[Range]) -> Iterator[int]:
    return (index for start, stop in ranges for index in range(start, stop))


def _count(size: int, *, repaired: bool) -> None:
    metrics.CHUNKS_CAST.inc()
    metrics.BYTES_CAST.inc(size)
    if repaired:
        metrics.CHUNKS_REPAIRED.inc()
