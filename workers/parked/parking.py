"""What operators do with parked messages: list, show, replay and drop them."""

from collections.abc import AsyncIterator, Collection

import structlog

from rollcast.broker import Publisher
from rollcast.errors import Transient
from rollcast.messages import ParkedAnswered, ParkedRequested
from rollcast.messages.values import ParkedMessage
from rollcast.reasons import REASONS, Code
from rollcast.topology import STEP, STEPS
from workers import metrics
from workers.parked.label import Parked
from workers.parked.queue import Found, ParkedQueue
from workers.work import Received, Reply, refused

PAGE = 100
LONGEST_TEXT, ALL_TEXTS = 65_536, 640 * 1024
"""Characters of one message, and of all in one answer, which must not get longer than a message may be."""

log = structlog.get_logger()


class Parking:
    """The parked messages of a server, as the operators of its domains see them."""

    def __init__(self, publisher: Publisher, queue: ParkedQueue) -> None:
        self._publisher = publisher
        self._queue = queue

    async def answer(self, asked: Received, request: ParkedRequested) -> Reply:
        """Do what an operator asks for. Raises `Transient` if the broker or another operator does not let us.

        A message leaves the queue after what is done with it. So a worker that dies in between replays it twice
        and loses nothing; and a request that comes again finds no more what it has done.
        """
        async with self._queue.messages(asked.domain) as messages:
            match request.action:
                case "list":
                    return Reply(asked, await _page(messages, request.after))
                case "show":
                    return await _show(asked, messages, request.ids)
                case "replay":
                    return await self._replay(asked, messages, request.ids)
                case "drop":
                    return await _drop(asked, messages, request.ids)

    async def _replay(self, asked: Received, messages: AsyncIterator[Found], ids: Collection[str]) -> Reply:
        done: list[ParkedMessage] = []
        code = Code.NO_SUCH_MESSAGE
        async for delivery, found in _named(messages, ids):
            if not found.replayable:
                code = Code.NOT_REPLAYABLE
                continue
            if not await self._publish_again(found):
                if not done:
                    raise Transient(f"no queue is bound for {found.step}")
                break
            await delivery.ack()
            done.append(_noted(found, asked.origin, "replay"))
        return _answer(asked, done, code)

    async def _publish_again(self, found: Parked) -> bool:
        assert found.envelope is not None
        key = f"{found.envelope.domain}.{found.step}"
        headers = found.envelope.headers(0)
        return await self._publisher.publish(STEP, key, found.body, headers=headers, mandatory=True)


async def _page(messages: AsyncIterator[Found], after: int) -> ParkedAnswered:
    page: list[ParkedMessage] = []
    position = 0
    async for _, found in messages:
        if position == after + PAGE:
            return ParkedAnswered(messages=page, next=position)
        if position >= after:
            page.append(found.described())
        position += 1
    return ParkedAnswered(messages=page)


async def _show(asked: Received, messages: AsyncIterator[Found], ids: Collection[str]) -> Reply:
    limit = min(LONGEST_TEXT, ALL_TEXTS // max(len(ids), 1))
    shown = [found.described(limit) async for _, found in _named(messages, ids)]
    return _answer(asked, shown, Code.NO_SUCH_MESSAGE)


async def _drop(asked: Received, messages: AsyncIterator[Found], ids: Collection[str]) -> Reply:
    done: list[ParkedMessage] = []
    async for delivery, found in _named(messages, ids):
        await delivery.ack()
        done.append(_noted(found, asked.origin, "drop"))
    return _answer(asked, done, Code.NO_SUCH_MESSAGE)


async def _named(messages: AsyncIterator[Found], ids: Collection[str]) -> AsyncIterator[Found]:
    wanted = set(ids)
    if not wanted:
        return
    async for delivery, found in messages:
        if found.id in wanted:
            wanted.remove(found.id)
            yield delivery, found
        if not wanted:
            return


def _noted(found: Parked, operator: str, action: str) -> ParkedMessage:
    told = found.described()
    metrics.UNPARKED.labels(step=told.step if told.step in STEPS else "unknown", action=action).inc()
    named = {name: getattr(told, name) for name in ("id", "step", "reason", "message", "origin")}
    log.info(
        "a message is parked no longer",
        action=action,
        operator=operator,
        transfer=told.transfer_id,
        attempt=told.attempts,
        **named,
    )
    return told


def _answer(asked: Received, found: list[ParkedMessage], code: Code) -> Reply:
    """What was found or done; a refusal with this code if that is nothing."""
    if not found:
        return refused(asked, code, REASONS[code].sentence)
    return Reply(asked, ParkedAnswered(messages=found))
