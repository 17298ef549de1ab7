"""The receiver's part of S250 and S260: asked once, answered as often as need be."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from rollcast.events import Answered, Asked
from rollcast.fetch import Surroundings
from rollcast.journal import Journal, Line
from rollcast.messages import ConsentAnswered
from rollcast.messages.values import Offer
from rollcast.tasks import Tasks


@dataclass(frozen=True)
class Decision:
    """An answer; the sender sees `detail`."""

    accept: bool
    detail: str | None = None


Decide = Callable[[Offer], bool | Decision | Awaitable[bool | Decision]]


class Consent:
    """Asks `decide` about each offer, in a task of its own, and tells the server."""

    def __init__(self, around: Surroundings, decide: Decide, tasks: Tasks) -> None:
        self._around = around
        self._decide = decide
        self._tasks = tasks
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def on_asked(self, offer: Offer) -> None:
        """Take a question. Returns when it is written down; the answer may come much later."""
        journals = self._around.journals
        journals.prune(self._around.session.now())
        try:
            journal = journals.begin(offer)
        except OSError as error:
            await self._tell(offer.transfer_id, _unwritable(error))
            return
        if journal.accept is not None:
            await self._tell(offer.transfer_id, Decision(journal.accept, journal.detail))
        elif offer.transfer_id not in self._asking:
            task = self._asking[offer.transfer_id] = self._tasks.spawn(self._ask(journal))
            task.add_done_callback(lambda _: self._asking.pop(offer.transfer_id))

    def withdraw(self, transfer_id: str) -> None:
        """The question needs no answer any more."""
        if asking := self._asking.get(transfer_id):
            asking.cancel()

    async def _ask(self, journal: Journal) -> None:
        offer = journal.offer
        self._around.events.put(Asked(transfer_id=offer.transfer_id, offer=offer))
        try:
            async with asyncio.timeout(self._around.session.seconds_until(offer.consent_deadline)) as limit:
                decision = await self._decided(offer)
        except TimeoutError:
            if not limit.expired():
                raise
            return
        decision = _written_down(journal, decision)
        await self._tell(offer.transfer_id, decision)
        self._around.events.put(Answered(transfer_id=offer.transfer_id, offer=offer, accept=decision.accept))

    async def _decided(self, offer: Offer) -> Decision:
        answer = self._decide(offer)
        if inspect.isawaitable(answer):
            answer = await answer
        return answer if isinstance(answer, Decision) else Decision(answer)

    async def _tell(self, transfer_id: str, decision: Decision) -> None:
        await self._around.session.tell(
            ConsentAnswered(transfer_id=transfer_id, accept=decision.accept, detail=decision.detail)
        )


def _written_down(journal: Journal, decision: Decision) -> Decision:
    """The decision, or the refusal that takes its place where it cannot be kept."""
    try:
        journal.note(Line(accept=decision.accept, detail=decision.detail))
    except OSError as error:
        return _unwritable(error)
    finally:
        journal.close()
    return decision


def _unwritable(error: OSError) -> Decision:
    return Decision(False, f"the receiver cannot write to its folder: {error.strerror}")
