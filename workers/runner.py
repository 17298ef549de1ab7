"""The runner: takes deliveries from a step's queue, calls the step, and sees its outcome through.

The order is what the promise rests on: commit, then act and publish with confirms, then acknowledge. A worker
that dies anywhere in between leaves the message in its queue, and steps are idempotent.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from rollcast.broker import Delivery, acknowledge, cut_from, give_back, is_stale
from rollcast.codec import MAX_MESSAGE_SIZE, decode
from rollcast.errors import BrokerUnavailable, Gone, IdentityError, InvalidMessage, Permanent, Transient
from rollcast.topology import UP
from workers import about, envelope, metrics
from workers.actions import Actions
from workers.allowances import Allowances, TooMany
from workers.broker.outbox import Outbox
from workers.isolation import (
    ALONE_FROM,
    SET_ASIDE_AT,
    DeliveryLimit,
    Isolation,
    earlier_deliveries,
    pause_before_return,
)
from workers.ladder import Ladder
from workers.ledger import Database
from workers.line import Line
from workers.order import in_order
from workers.questions import nobody_waits
from workers.settings import Settings
from workers.work import Action, CloseConnections, Publication, Received, Services, Step

BATCH = 64
SLOTS = 4
"""How many batches of a step a process handles at a time."""
UNTOLD = (IdentityError, DeliveryLimit)
"""Of what is told to nobody: nobody authentic asked, or nobody waits any more."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Job:
    """A delivery that was decoded and whose sender was verified."""

    delivery: Delivery
    envelope: envelope.Envelope
    received: Received


class Runner(Line):
    """Runs one step."""

    def __init__(
        self,
        name: str,
        step: Step,
        settings: Settings,
        database: Database,
        actions: Actions,
        outbox: Outbox,
        ladder: Ladder,
        isolation: Isolation,
        allowances: Allowances,
    ) -> None:
        super().__init__(BATCH)
        self.name = name
        self._step = step
        self._settings = settings
        self._database = database
        self._actions = actions
        self._outbox = outbox
        self._ladder = ladder
        self._isolation = isolation
        self._allowances = allowances

    async def run(self) -> None:
        """Handle deliveries until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(SLOTS):
                tasks.create_task(self.serve(self._batch))
            tasks.create_task(self.serve_apart(self._alone, tasks))

    def stands_apart(self, delivery: Delivery) -> bool:
        """Whether a delivery is handled alone: workers may have died over it."""
        return earlier_deliveries(delivery) >= ALONE_FROM

    async def take(self, delivery: Delivery) -> None:
        """Put a delivery in line; it is acknowledged when all that follows from it is confirmed."""
        self._isolation.note()
        await super().take(delivery)

    async def _batch(self, batch: Sequence[Delivery]) -> None:
        undone = await self._observed(batch)
        self._isolation.note()
        await self._return(undone)

    async def _alone(self, delivery: Delivery) -> None:
        async with self._isolation.turn(earlier_deliveries(delivery), self.draining):
            undone = [] if is_stale(delivery) else await self._observed([delivery])
        await self._return(undone)

    async def _return(self, undone: Sequence[Delivery]) -> None:
        """Give back what cannot be done at present. It comes again at once, so it waits here before."""
        if not undone:
            return
        await self.pause(pause_before_return(max(map(earlier_deliveries, undone))))
        for delivery in undone:
            await give_back(delivery)

    async def _observed(self, batch: Sequence[Delivery]) -> list[Delivery]:
        """Handle a batch. Returns what cannot be done at present."""
        in_flight = metrics.IN_FLIGHT.labels(step=self.name)
        in_flight.inc(len(batch))
        try:
            with metrics.HANDLING.labels(step=self.name).time():
                undone: list[Delivery] = []
                jobs = [job for delivery in batch if (job := await self._open(delivery, undone)) is not None]
                with bound_contextvars(**self._about(jobs)):
                    return undone + await self._handle(jobs)
        finally:
            in_flight.dec(len(batch))

    def _about(self, jobs: Sequence[Job]) -> dict[str, object]:
        """What all log lines say that come of these messages: that in which they agree."""
        said: dict[str, set[Any]] = {
            "step": {self.name},
            "transfer": {about.transfer_of(job.received.message) for job in jobs},
            "attempt": {job.envelope.attempt + 1 for job in jobs},
        }
        return {
            name: values.pop() for name, values in said.items() if len(values) == 1 and None not in values
        }

    async def _open(self, delivery: Delivery, undone: list[Delivery]) -> Job | None:
        """What the step can handle. A delivery that is to be given back goes to `undone`."""
        origin: envelope.Envelope | None = None
        try:
            _check_deliveries(delivery)
            origin = envelope.read(delivery)
            self._check_allowance(origin, delivery)
            _check_size(delivery)
            message = decode(delivery.body)
            received = envelope.verify(origin, message, self.name, self._settings, delivery)
            self._allowances.check_session(origin.user, message)
        except DeliveryLimit as error:
            undone += await self._give_up(delivery, envelope.if_verified(delivery), error)
            return None
        except TooMany as error:
            await self._turn_away(delivery, error)
            return None
        except (Permanent, Transient) as error:
            undone += await self._give_up(delivery, origin, error)
            return None
        return Job(delivery, origin, received)

    def _check_allowance(self, origin: envelope.Envelope, delivery: Delivery) -> None:
        """Raise `TooMany` for what a terminal says over its allowance; what comes again was counted."""
        if origin.exchange == UP and not origin.attempt and not delivery.redelivered:
            self._allowances.check(origin.user, origin.key.rpartition(".")[2])

    async def _turn_away(self, delivery: Delivery, error: TooMany) -> None:
        """Drop it: terminals repeat what is not answered."""
        metrics.HANDLED.labels(step=self.name, outcome="turned_away").inc()
        await acknowledge(delivery)
        if error.tell:
            log.warning("an account says more than it may", error=str(error))
            await self._ladder.tell(delivery, error)
        if error.far:
            await self._actions.perform(CloseConnections(error.address))

    async def _handle(self, jobs: Sequence[Job]) -> list[Delivery]:
        if not jobs:
            return []
        try:
            await self._see_through([job.received for job in jobs])
        except Exception as error:
            if isinstance(error, BrokerUnavailable) and not isinstance(error, Gone):
                return self._keep_back(jobs, error)
            return await self._one_by_one(jobs, error)
        self.note_success()
        await self._settle(jobs, "done")
        return []

    def _keep_back(self, jobs: Sequence[Job], error: BrokerUnavailable) -> list[Delivery]:
        """The broker is away: no message is at fault."""
        transfers = about.transfers(about.transfer_of(job.received.message) for job in jobs)
        log.warning("gives a batch back: the broker is away", error=str(error), **transfers)
        metrics.HANDLED.labels(step=self.name, outcome="given_back").inc(len(jobs))
        return [job.delivery for job in jobs]

    async def _see_through(self, batch: Sequence[Received]) -> None:
        async with self._database.begin() as ledger:
            outcomes = await self._step(in_order(batch), Services(ledger, self._settings))
        actions = [outcome for outcome in outcomes if isinstance(outcome, Action)]
        followed = [outcome for outcome in outcomes if isinstance(outcome, Publication)]
        for action in actions:
            followed.extend(await self._actions.perform(action))
        await self._outbox.publish(followed)

    async def _one_by_one(self, jobs: Sequence[Job], error: Exception) -> list[Delivery]:
        if len(jobs) > 1:
            undone: list[Delivery] = []
            for job in jobs:
                with bound_contextvars(**self._about([job])):
                    undone += await self._handle([job])
            return undone
        (job,) = jobs
        if nobody_waits(job.received.message, job.envelope.attempt, error):
            log.info("dropped a question: nobody waits for the answer any more", error=str(error))
            await self._settle(jobs, "dropped")
            return []
        return await self._give_up(job.delivery, job.envelope, error)

    async def _give_up(
        self, delivery: Delivery, origin: envelope.Envelope | None, error: Exception
    ) -> list[Delivery]:
        """Keep a copy on the ladder or among the parked. Returns what is to be given back, since that failed."""
        try:
            outcome = await self._ladder.lift(self.name, delivery, origin, error)
        except BrokerUnavailable as failure:
            log.warning("gives a message back: it could not be kept", error=str(failure))
            return [delivery]
        metrics.HANDLED.labels(step=self.name, outcome=outcome).inc()
        await acknowledge(delivery)
        if outcome == "parked" and isinstance(error, Permanent) and not isinstance(error, UNTOLD):
            await self._ladder.tell(delivery, error)
        return []

    async def _settle(self, jobs: Sequence[Job], outcome: str) -> None:
        metrics.HANDLED.labels(step=self.name, outcome=outcome).inc(len(jobs))
        for job in jobs:
            await acknowledge(job.delivery)


def _check_size(delivery: Delivery) -> None:
    """Raise `InvalidMessage` for what is too long to be read at all, and of which no more than its beginning came."""
    if (size := cut_from(delivery)) is not None:
        raise InvalidMessage(f"{size} bytes are more than a message may have ({MAX_MESSAGE_SIZE})")


def _check_deliveries(delivery: Delivery) -> None:
    """Raise `DeliveryLimit` for what is not even to be decoded any more."""
    if (number := earlier_deliveries(delivery)) >= SET_ASIDE_AT:
        raise DeliveryLimit(
            f"it was delivered {number} times and never done: workers died over it, or were cut off"
        )
