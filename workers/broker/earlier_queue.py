"""The queue that a step had in an earlier version: emptied beside the new one, and deleted when nobody uses it.

Workers of the earlier version may still run: they declare it, bind it and consume it. The new queue was bound before
this one is looked at, so what comes into this one from now on is a duplicate, and steps are idempotent. Only what was
in it before must not be lost; and a quorum queue cannot be deleted "if empty" or "if unused" (540, on all versions).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from rollcast.broker import Consumer, Delivery, is_stale
from rollcast.broker.link import CONNECTION_LOST, losses_named
from rollcast.errors import Transient
from rollcast.topology import QueueSpec
from workers.broker import entries
from workers.broker.declarer import Counts, Declarer
from workers.broker.management import Management

LOOK_EVERY, LOOK_SELDOM = 10.0, 300.0
"""Seconds between two looks at a queue that is there, and at one that is not: a worker of the earlier version that
does not run this step's pool declares it all the same, and nobody consumes it then."""
QUIET_S = 60.0
"""Seconds for which it must be empty and without consumers before it is deleted: a worker that ends cancels its
consumer first, and has up to 25 s for what it still has in hand."""

log = structlog.get_logger()

Take = Callable[[Delivery], Awaitable[None]]


class EarlierQueue:
    """One such queue. `consume` makes a consumer of it, which hands its deliveries on."""

    def __init__(
        self,
        spec: QueueSpec,
        take: Take,
        consume: Callable[[Take], Consumer],
        declarer: Declarer,
        management: Management,
    ) -> None:
        self._spec = spec
        self._take = take
        self._consume = consume
        self._declarer = declarer
        self._management = management
        self._consumer: Consumer | None = None
        self._consuming: asyncio.Task[None] | None = None
        self._in_hand: list[Delivery] = []
        self._quiet_since: float | None = None
        self._stopping = False

    async def run(self) -> None:
        """Look after the queue until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    pause = await self._look(tasks)
                except Transient as error:
                    log.warning(
                        "cannot see to the queue of an earlier version",
                        queue=self._spec.name,
                        error=str(error),
                    )
                    pause = LOOK_EVERY
                await asyncio.sleep(pause)

    async def stop(self) -> None:
        """Take no more deliveries; those under way can still be settled until `close`."""
        self._stopping = True
        if self._consumer is not None:
            await self._consumer.stop()

    async def close(self) -> None:
        """Give back what was not settled."""
        if self._consumer is not None:
            await self._consumer.close()

    async def _look(self, tasks: asyncio.TaskGroup) -> float:
        """Do what is to be done now. Returns the seconds until the next look."""
        counts = await self._counts()
        if counts is None:
            await self._leave()
            return LOOK_SELDOM
        if not await self._is_needed():
            for exchange, key in self._spec.bindings:
                await self._declarer.unbind(self._spec.name, exchange, key)
        if counts.ready:
            self._begin(tasks)
        elif all(one.processed or is_stale(one) for one in self._in_hand):
            await self._leave()
        await self._delete_if_quiet(counts)
        return LOOK_EVERY

    async def _is_needed(self) -> bool:
        """Whether the queue that takes its place gets nothing yet, as far as that can be seen."""
        return self._management.configured and bool(await entries.closed(self._management))

    async def _counts(self) -> Counts | None:
        name = self._spec.name
        if self._management.configured:
            # A passive declare of what is not there is an error in the broker's log, for each queue and each look.
            path = f"queues/{self._management.vhost}/{name}?columns=name"
            if await self._management.call("GET", path, missing_is_fine=True) is None:
                return None
        return (await self._declarer.counts([name])).get(name)

    def _begin(self, tasks: asyncio.TaskGroup) -> None:
        if self._consumer is not None or self._stopping:
            return
        log.info("empties the queue of an earlier version", queue=self._spec.name)
        self._consumer = self._consume(self._note)
        self._consuming = tasks.create_task(self._consumer.run())

    async def _note(self, delivery: Delivery) -> None:
        self._in_hand = [one for one in self._in_hand if not (one.processed or is_stale(one))]
        self._in_hand.append(delivery)
        await self._take(delivery)

    async def _leave(self) -> None:
        """Consume it no longer."""
        if self._consumer is None or self._consuming is None or self._stopping:
            return
        await self._consumer.stop()
        # Over a connection that has gone there is nothing to give back.
        with suppress(*CONNECTION_LOST), losses_named():
            await self._consumer.close()
        self._consuming.cancel()
        self._consumer = self._consuming = None
        self._in_hand = []

    async def _delete_if_quiet(self, counts: Counts) -> None:
        if counts.ready or counts.consumers or self._consumer is not None:
            self._quiet_since = None
            return
        now = time.monotonic()
        self._quiet_since = now if self._quiet_since is None else self._quiet_since
        if now - self._quiet_since >= QUIET_S:
            await self._declarer.delete_queues([self._spec.name])
            log.info("deleted the queue of an earlier version: nothing was in it", queue=self._spec.name)
            self._quiet_since = None
