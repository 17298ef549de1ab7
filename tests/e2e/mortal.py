"""Runners and spoolers as they are, in a worker that dies over their messages as a plan says.

Nothing in `workers` knows of this: what a runner is given is wrapped. A message is handled by itself, so that each
point belongs to one message.
"""

import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, cast
from unittest.mock import patch

from rollcast.broker import Delivery
from rollcast.codec import encode
from tests.e2e.crash_plan import ACK, COMMIT, STORED, Crash, Plan, after, points
from workers import pools, runner
from workers.actions import Actions
from workers.allowances import Allowances
from workers.broker.outbox import Outbox
from workers.isolation import Isolation
from workers.ladder import Ladder
from workers.ledger import Database
from workers.runner import Runner
from workers.settings import Settings
from workers.spool import spooler
from workers.spool.spooler import Spooler
from workers.spool.store import Store
from workers.work import (
    Action,
    MeasureLanes,
    Outcome,
    Publication,
    Received,
    Services,
    Step,
    ToInboxes,
    VerifySpool,
)

SPOOL = "spool"


def make_mortal(plan: Plan) -> ExitStack:
    """Let all runners and spoolers that are made from now on follow the plan."""
    stack = ExitStack()
    # All are handled one at a time as it is.
    stack.enter_context(patch.multiple(runner, BATCH=1, SLOTS=1, ALONE_FROM=sys.maxsize))
    stack.enter_context(patch.object(spooler, "BATCH", 1))
    stack.enter_context(patch.object(pools, "Runner", partial(MortalRunner, plan)))
    stack.enter_context(patch.object(pools, "Spooler", partial(MortalSpooler, plan)))
    return stack


class MortalRunner(Runner):
    """The runner of a step."""

    def __init__(
        self,
        plan: Plan,
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
        self._plan, self._handling = plan, Handling(plan)
        doing, publishing = CountedActions(actions, self._handling), CountedOutbox(outbox, self._handling)
        watched = self._watched(step)
        super().__init__(name, watched, settings, database, doing, publishing, ladder, isolation, allowances)

    def _watched(self, step: Step) -> Step:
        async def watched(batch: Sequence[Received], services: Services) -> list[Outcome]:
            self._handling.begin(None)
            outcomes = await step(batch, services)
            if effects := _effects(outcomes):
                self._handling.begin(self._next(batch[0], effects))
            return outcomes

        return watched

    def _next(self, received: Received, effects: int) -> Crash | None:
        body = encode(received.message)
        about = _kind(received), _subject(received), body
        return self._plan.next(self.name, *about, effects, points(effects))

    async def take(self, delivery: Delivery) -> None:
        """Put a delivery in line."""
        await super().take(_watched_delivery(delivery, self._plan, self._handling))


class MortalSpooler(Spooler):
    """A spooler."""

    def __init__(self, plan: Plan, database: Database, store: Store, outbox: Outbox) -> None:
        self._plan, self._handling = plan, Handling(plan)
        watched = WatchedStore(store, plan, self._handling)
        super().__init__(database, watched, CountedOutbox(outbox, self._handling))

    async def take(self, delivery: Delivery) -> None:
        """Put a delivery in line."""
        await super().take(_watched_delivery(delivery, self._plan, self._handling))


class Handling:
    """The message under way in a pool, and how the worker is to die over it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._crash: Crash | None = None
        self._done = 0

    def begin(self, crash: Crash | None) -> None:
        """A message is under way."""
        self._crash, self._done = crash, 0

    def reach(self, point: str) -> None:
        """The worker dies if this is the point."""
        if self._crash is not None and self._crash.point == point:
            self._plan.die(self._crash)

    def count(self) -> None:
        """One more effect is done and confirmed."""
        self._done += 1
        self.reach(after(self._done))


class CountedActions(Actions):
    """The actions, one effect each."""

    def __init__(self, actions: Actions, handling: Handling) -> None:
        self._actions, self._handling = actions, handling

    async def perform(self, action: Action) -> list[Publication]:
        """Do it."""
        self._handling.reach(COMMIT)
        follow = await self._actions.perform(action)
        self._handling.count()
        return follow


class CountedOutbox(Outbox):
    """The outbox, which publishes one after the other."""

    def __init__(self, outbox: Outbox, handling: Handling) -> None:
        self._outbox, self._handling = outbox, handling

    async def publish(self, publications: Iterable[Publication]) -> None:
        """Publish all."""
        self._handling.reach(COMMIT)
        for one in _apart(publications):
            await self._outbox.publish([one])
            self._handling.count()


class WatchedStore(Store):
    """A store that takes chunks in."""

    def __init__(self, store: Store, plan: Plan, handling: Handling) -> None:
        self._inner, self._plan, self._handling = store, plan, handling

    async def put(self, transfer_id: str, index: int, chunk: bytes) -> None:
        """Store a chunk."""
        await self._inner.put(transfer_id, index, chunk)
        crash = self._plan.next(SPOOL, "chunk", transfer_id, chunk, 1, [STORED, *points(1)])
        self._handling.begin(crash)
        self._handling.reach(STORED)

    async def delete(self, transfer_id: str) -> None:
        """Delete the chunks of a transfer."""
        await self._inner.delete(transfer_id)


class WatchedDelivery:
    """A delivery whose acknowledgement ends its handling."""

    def __init__(self, delivery: Delivery, handling: Handling) -> None:
        self._delivery, self._handling = delivery, handling

    def __getattr__(self, name: str) -> Any:
        return getattr(self._delivery, name)

    async def ack(self) -> None:
        """Acknowledge."""
        self._handling.reach(ACK)
        await self._delivery.ack()


def _watched_delivery(delivery: Delivery, plan: Plan, handling: Handling) -> Delivery:
    if delivery.redelivered:
        plan.note_again(delivery.body)
    return cast(Delivery, WatchedDelivery(delivery, handling))


def _apart(publications: Iterable[Publication]) -> Iterable[Publication]:
    for one in publications:
        if isinstance(one, ToInboxes):
            yield from (ToInboxes((a,), one.message, one.expires_at, one.session) for a in one.addresses)
        else:
            yield one


def _effects(outcomes: Iterable[Outcome]) -> int:
    sizes = (len(one.addresses) if isinstance(one, ToInboxes) else 1 + _says(one) for one in outcomes)
    return sum(sizes)


def _says(outcome: Outcome) -> bool:
    """Whether something is published about an action."""
    return isinstance(outcome, VerifySpool | MeasureLanes)


def _kind(received: Received) -> str:
    action = getattr(received.message, "action", None)
    return type(received.message).__name__ + (f":{action}" if action else "")


def _subject(received: Received) -> str:
    about = getattr(received.message, "offer", received.message)
    return str(getattr(about, "transfer_id", None) or received.correlation_id)
