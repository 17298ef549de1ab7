"""One process of workers: the pools that it runs, their consumers, and how they start and stop."""

import asyncio
import functools
import time
from collections.abc import Sequence
from typing import Protocol

import structlog

from rollcast.broker import Consumer, Delivery, Link, Publisher
from rollcast.broker.consumer import Prepare
from rollcast.codec import MAX_MESSAGE_SIZE
from rollcast.errors import Transient
from rollcast.messages.values import MAX_CHUNK_SIZE
from rollcast.topology import (
    OPERATOR,
    QueueSpec,
    earlier_step_queue,
    parked,
    progress_queue,
    spool_queue,
    step_queue,
)
from workers import metrics, series
from workers.actions import Actions
from workers.allowances import Allowances
from workers.broker import own_queues
from workers.broker.declarer import Declarer
from workers.broker.earlier_queue import EarlierQueue
from workers.broker.management import Management
from workers.broker.mender import Mender
from workers.broker.outbox import Outbox
from workers.broker.rights import Rights
from workers.census import Census
from workers.clock import Clock
from workers.identity.conflicts import Conflict
from workers.identity.guard import Guard
from workers.isolation import Isolation
from workers.keeping import Keeper
from workers.ladder import Ladder, rung_queues
from workers.ledger import Database
from workers.parked.parking import Parking
from workers.parked.queue import ParkedQueue
from workers.pool import Pool, Work, counting
from workers.process.standing import RUNNING, STOPPING, Standing
from workers.process.stopping import DRAIN_S, Stop
from workers.progress import Progress
from workers.replies import PATIENCE, Replies
from workers.rights.reconciler import Reconciler
from workers.runner import BATCH, SLOTS, Runner
from workers.settings import Settings
from workers.spool.caster import Caster
from workers.spool.spooler import BATCH as SPOOL_BATCH
from workers.spool.spooler import Spooler
from workers.spool.store import Store
from workers.steps import STEPS
from workers.watchdog import Watchdog

DECLARE_EVERY, WATCH_EVERY = 10.0, 2.0
"""Seconds."""
PROGRESS_PREFETCH = 200
WITH_THE_SPOOL = {OPERATOR, "s200", "s290", "s300", "s310", "spool", "clock"}
"""The pools that look into it, the first two for `rollcast doctor`. The others may run where it cannot be reached."""

log = structlog.get_logger()


class Handler(Protocol):
    """What takes the deliveries of a queue, and works in the background."""

    async def take(self, delivery: Delivery) -> None:
        """Put a delivery in line."""

    async def run(self) -> None:
        """Work until cancelled."""


class Pools:
    """The pools of one process, over shared connections: control and bulk, in and out, replies and declarations, each
    its own.

    Whoever binds what is deleted at that moment may get an internal error of the broker, which closes the connection.
    """

    def __init__(self, settings: Settings, management: Management, pools: Sequence[str], stop: Stop) -> None:
        self._settings = settings
        self._management = management
        name = f"rollcast {settings.server}"
        self._control_in = Link(settings.amqp_url, f"{name} control in", longest=MAX_MESSAGE_SIZE)
        self._control_out = Link(settings.amqp_url, f"{name} control out")
        self._bulk_in = Link(settings.amqp_url, f"{name} bulk in", longest=MAX_CHUNK_SIZE)
        self._bulk_out = Link(settings.amqp_url, f"{name} bulk out")
        self._replies = Link(settings.amqp_url, f"{name} replies")
        self._declarations = Link(settings.amqp_url, f"{name} declarations")
        self._links = (
            *(self._control_in, self._bulk_in, self._bulk_out),
            *(self._replies, self._declarations, self._control_out),
        )
        self._database = Database(settings.ledger_url)
        self._store = Store(settings.spool_url)
        self._declarer = Declarer(self._declarations)
        publisher, replies = (
            Publisher(self._control_out),
            Replies(Publisher(self._replies, patience=PATIENCE)),
        )
        self._outbox = Outbox(publisher, replies, self._declarer, self._database, settings)
        self._ladder = Ladder(publisher, replies, self._declarer, settings.server)
        caster = Caster(Publisher(self._bulk_out), self._declarer, self._store)
        rights, parking = Rights(management), Parking(publisher, ParkedQueue(settings))
        self._actions = Actions(
            settings, self._database, self._declarer, self._store, caster, rights, parking, management
        )
        self._with_spool = not WITH_THE_SPOOL.isdisjoint(pools)
        store = self._store if self._with_spool else None
        self._guard = Guard(settings, self._database, store, self._declarer)
        self._stop = stop
        self._pools = [Pool(name, stop.limit) for name in pools]
        self._consumers: list[Consumer] = []
        self._earlier: list[EarlierQueue] = []
        self._isolation = Isolation()
        self._allowances = Allowances(settings.account_rate, settings.account_burst)
        self._handlers: list[Runner | Spooler] = []
        self._reconciler = Reconciler(settings, self._database, management)
        others = {"rights": lambda: self._reconciler.fault} if OPERATOR in pools else {}
        self.standing = Standing(self._pools, self._control_out, self._database.ping, others)

    async def run(self) -> None:
        """Run the pools until it is asked to stop. Raises `Conflict` if it must not go on."""
        try:
            await self._run()
        except ExceptionGroup as failed:
            conflicts, others = failed.split(Conflict)
            if conflicts is None or others is not None:
                raise
            raise conflicts.exceptions[0] from None

    async def _run(self) -> None:
        self.standing.phase = RUNNING
        async with asyncio.TaskGroup() as tasks:
            for pool in self._pools:
                pool.start(tasks, self._works(pool))
            beside = [
                tasks.create_task(work)
                for work in (self._keep_declared(), self._keep_identity(), self._watch_connections())
            ]
            if not await self._stop.cuts_short(self._consuming()):
                log.info("ready: all pools consume", pools=[pool.name for pool in self._pools])
                await self._stop.wait()
            self.standing.phase = STOPPING
            await self._drain()
            for task in beside:
                task.cancel()
            for pool in self._pools:
                pool.cancel()

    async def open_spool(self) -> None:
        """See that the spool can be used, if it is needed here.

        `Permanent` if it does not let us in, `Transient` if it is away.
        """
        if self._with_spool:
            await self._store.check()

    async def reach_broker(self) -> None:
        """Connect; `BrokerUnavailable` if the broker is not there yet."""
        await self._declarer.connect()

    async def identify(self) -> None:
        """See that this process has the ledger, spool and domains of its server.

        `Conflict` if it has others, `OthersServe` if others with other domains run.
        """
        await self._guard.establish()

    async def close(self) -> None:
        """Give back what is not done, and close all connections."""
        await self.standing.close()
        await asyncio.gather(*(source.close() for source in self._sources()))
        for link in self._links:
            await link.close()
        await self._database.close()

    async def declare(self) -> None:
        """Declare what all pools need; `BrokerUnavailable` if the broker is not there yet."""
        # Those of other pools, too: what comes for a pool that does not run yet waits for it, and is seen to wait.
        queues = [*own_queues.of_pools(self._settings).values(), parked(self._settings.server)]
        # Whether it is ready is seen by this connection, which is used when there is something to publish.
        await self._control_out.connect()
        await self._guard.declare()
        await self._declarer.exchanges()
        await self._declarer.queues(queues)
        for rung in rung_queues(self._settings.server):
            await self._declarer.rung(rung)

    async def _keep_declared(self) -> None:
        """Bring back what was deleted: an exchange takes its bindings with it, and nobody is told."""
        while True:
            await asyncio.sleep(DECLARE_EVERY)
            try:
                await self.declare()
            except Transient as error:
                log.warning("nothing was declared again", error=str(error))

    async def _keep_identity(self) -> None:
        """End as soon as ledger, spool or domains are not those of the server any more."""
        while True:
            await asyncio.sleep(DECLARE_EVERY)
            try:
                await self._guard.check()
            except Transient as error:
                log.warning("ledger and spool were not compared with those of the server", error=str(error))

    async def _watch_connections(self) -> None:
        """Tell which connections the broker takes nothing from."""
        while True:
            for link in self._links:
                connection = link.name.removeprefix(f"rollcast {self._settings.server} ")
                metrics.CONNECTION_BLOCKED.labels(connection=connection).set(await link.blocked())
            await asyncio.sleep(WATCH_EVERY)

    def _works(self, pool: Pool) -> list[Work]:
        settings = self._settings
        match pool.name:
            case "clock":
                keeper = Keeper(settings, self._database, self._store, self._management)
                census = Census(settings, self._database)
                watchdog = Watchdog(settings.domains, self._management)
                clock = Clock(self._database, self._outbox)
                return [clock.run(), keeper.run(), census.run(), watchdog.run()]
            case "progress":
                progress = Progress(settings, self._database, self._outbox)
                queue = progress_queue(settings.server, settings.domains)
                consumer = self._consumer(pool, queue, progress, self._control_in, PROGRESS_PREFETCH)
                return [progress.run(), consumer.run()]
            case "spool":
                spooler = Spooler(self._database, self._store, self._outbox)
                self._handlers.append(spooler)
                queue = spool_queue(settings.server)
                return [
                    spooler.run(),
                    self._consumer(pool, queue, spooler, self._bulk_in, SPOOL_BATCH).run(),
                ]
            case step:
                runner = Runner(
                    step,
                    STEPS[step],
                    settings,
                    self._database,
                    self._actions,
                    self._outbox,
                    self._ladder,
                    self._isolation,
                    self._allowances,
                )
                self._handlers.append(runner)
                queue = step_queue(settings.server, step, settings.domains)
                consumer = self._consumer(pool, queue, runner, self._control_in, BATCH * SLOTS)
                own = self._reconciler.run() if step == OPERATOR else self._earlier_queue(pool, runner).run()
                return [runner.run(), consumer.run(), own]

    def _consumer(
        self, pool: Pool, queue: QueueSpec, handler: Handler, link: Link, prefetch: int
    ) -> Consumer:
        async def declare() -> None:
            metrics.CONSUMER_STARTS.labels(pool=pool.name).inc()
            await self._declarer.exchanges()
            await self._declarer.queues([queue])

        series.begin(pool.name)
        take, mend = counting(pool.name, handler.take), self._mend(queue)
        consumer = Consumer(link, queue.name, take, prefetch=prefetch, prepare=declare, mend=mend)
        self._consumers.append(consumer)
        pool.consumes(queue.name, consumer)
        return consumer

    def _earlier_queue(self, pool: Pool, runner: Runner) -> EarlierQueue:
        queue = earlier_step_queue(self._settings.server, pool.name, self._settings.domains)
        consume = functools.partial(
            Consumer, self._control_in, queue.name, prefetch=BATCH * SLOTS, mend=self._mend(queue)
        )
        earlier = EarlierQueue(
            queue, counting(pool.name, runner.take), consume, self._declarer, self._management
        )
        self._earlier.append(earlier)
        return earlier

    def _mend(self, queue: QueueSpec) -> Prepare:
        return functools.partial(Mender(self._settings.amqp_url, self._declarer).mend, queue.name)

    def _sources(self) -> Sequence[Consumer | EarlierQueue]:
        return [*self._consumers, *self._earlier]

    async def _consuming(self) -> None:
        await asyncio.gather(*(consumer.ready.wait() for consumer in self._consumers))

    async def _drain(self) -> None:
        since = time.monotonic()
        try:
            async with asyncio.timeout(DRAIN_S):
                await asyncio.gather(*(source.stop() for source in self._sources()))
                await asyncio.gather(*(handler.drained() for handler in self._handlers))
        except TimeoutError:
            log.warning("not everything was done in time; the rest goes back to its queues")
        else:
            log.info("drained: all that was in hand is done", after_s=round(time.monotonic() - since, 1))
