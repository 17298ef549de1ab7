"""The receiver's part of S250 and S260: asked once, answered as often as need be."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from rollcast.errors import BrokerUnavailable, RequestRefused
from rollcast.events import Answered, Asked
from rollcast.messages import AnswerRecorded, ConsentAnswered
from rollcast.messages.values import MAX_TEXT, Offer
from rollcast.receiving.fetch import Surroundings
from rollcast.receiving.journal import Journal, Line
from rollcast.tasks import KeyedTasks, Tasks

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Decision:
    """An answer; the sender sees `detail`. `deferred`: decided later, until then `accept` says nothing."""

    accept: bool
    detail: str | None = None
    deferred: bool = False


Decide = Callable[[Offer], bool | Decision | Awaitable[bool | Decision]]


class Consent:
    """Asks `decide` about each offer, in a task of its own, and tells the server until that has the answer."""

    def __init__(self, around: Surroundings, decide: Decide, tasks: Tasks) -> None:
        self._around = around
        self._decide = decide
        self._asking = KeyedTasks(tasks)
        self._telling = KeyedTasks(tasks)
        self._deferred: set[str] = set()

    async def on_asked(self, offer: Offer) -> None:
        """Take a question. Returns when it is written down; the answer may come much later."""
        journals = self._around.journals
        journals.prune(self._around.session.now())
        try:
            journal = journals.begin(offer)
        except OSError as error:
            if self._telling.get(offer.transfer_id) is None:
                self._tell(offer, self._unwritable(offer, error), first=True)
            return
        if journal.ended:
            return
        if journal.decision is not None:
            self._tell(offer, Decision(*journal.decision))
        elif offer.transfer_id in self._deferred:
            self._tell(offer, Decision(False, deferred=True))
        elif self._asking.get(offer.transfer_id) is None:
            self._asking.spawn(offer.transfer_id, self._ask(journal))

    def decide(self, journal: Journal, decision: Decision) -> None:
        """Answer what was deferred; the first answer stands."""
        if journal.decision is None:
            self._deferred.discard(journal.offer.transfer_id)
            self._answer(journal, decision)

    def withdraw(self, transfer_id: str) -> None:
        """The question needs no answer any more."""
        self._deferred.discard(transfer_id)
        for tasks in (self._asking, self._telling):
            if task := tasks.get(transfer_id):
                task.cancel()

    async def _ask(self, journal: Journal) -> None:
        offer = journal.offer
        self._around.events.put(Asked(transfer_id=offer.transfer_id, offer=offer))
        try:
            async with asyncio.timeout(self._around.session.seconds_until(offer.expires_at)) as limit:
                decision = await self._decided(offer)
        except TimeoutError:
            if not limit.expired():
                raise
            return
        if journal.decision is None:
            self._answer(journal, decision)

    async def _decided(self, offer: Offer) -> Decision:
        answer = self._decide(offer)
        if inspect.isawaitable(answer):
            answer = await answer
        return answer if isinstance(answer, Decision) else Decision(answer)

    def _answer(self, journal: Journal, decision: Decision) -> None:
        offer = journal.offer
        if decision.deferred:
            self._deferred.add(offer.transfer_id)
        else:
            decision = self._written_down(journal, decision)
        self._tell(offer, decision, first=True)

    def _tell(self, offer: Offer, decision: Decision, *, first: bool = False) -> None:
        """Tell the server, in the background. An answer that replaces another one ends the telling of that."""
        running = self._telling.get(offer.transfer_id)
        if running is not None and not first:
            return
        if running is not None:
            running.cancel()
        self._telling.spawn(offer.transfer_id, self._repeat(offer, decision, first))

    def _written_down(self, journal: Journal, decision: Decision) -> Decision:
        """The decision, or the refusal that takes its place where it cannot be kept."""
        try:
            journal.note(Line(accept=decision.accept, detail=decision.detail))
        except OSError as error:
            return self._unwritable(journal.offer, error)
        finally:
            journal.close()
        return decision

    def _unwritable(self, offer: Offer, error: OSError) -> Decision:
        place = error.filename or self._around.journals.folder
        logger.warning(
            "%s of %s is declined: %s cannot be written: %s",
            offer.file.name,
            offer.sender,
            place,
            error.strerror,
        )
        return Decision(False, f"the receiver cannot write to its folder: {error.strerror}")

    async def _repeat(self, offer: Offer, decision: Decision, first: bool) -> None:
        answer = ConsentAnswered(
            transfer_id=offer.transfer_id,
            accept=decision.accept,
            detail=decision.detail[:MAX_TEXT] if decision.detail else None,
            deferred=decision.deferred,
        )
        within = self._around.session.seconds_until(offer.expires_at)
        try:
            await self._around.session.request(answer, AnswerRecorded, within)
        except (RequestRefused, BrokerUnavailable) as error:
            logger.warning("the answer about transfer %s was not taken: %s", offer.transfer_id, error)
            return
        if first:
            answered = Answered(
                transfer_id=offer.transfer_id,
                offer=offer,
                accept=decision.accept and not decision.deferred,
                deferred=decision.deferred,
            )
            self._around.events.put(answered)
