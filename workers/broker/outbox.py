"""Publishes what steps return, and waits for the broker's confirms."""

import asyncio
import functools
import time
from collections.abc import Awaitable, Iterable, Sequence

import structlog

from rollcast.addresses import domain_of
from rollcast.broker import Publisher
from rollcast.codec import encode
from rollcast.messages import Message
from rollcast.topology import LANE, STEP, cast, inbox, retry_queue, session_inbox, step_key, transfer_key
from workers import metrics
from workers.about import transfer_of
from workers.broker.declarer import Declarer
from workers.ledger import Database, accounts
from workers.replies import Replies
from workers.settings import Settings
from workers.work import IntoCast, Later, Publication, Reply, ToInboxes, ToStep

PACE = "pace"
PACE_MS = 250
MIN_EXPIRY_MS = 1_000

log = structlog.get_logger()


class Outbox:
    """The one way in which control messages leave a worker."""

    def __init__(
        self,
        publisher: Publisher,
        replies: Replies,
        declarer: Declarer,
        database: Database,
        settings: Settings,
    ) -> None:
        self._publisher = publisher
        self._replies = replies
        self._declarer = declarer
        self._database = database
        self._pace = retry_queue(settings.server, PACE, PACE_MS).name

    async def publish(self, publications: Iterable[Publication]) -> None:
        """Publish all, in any order; when this returns the broker has them, replies perhaps excepted."""
        await asyncio.gather(*(part for one in publications for part in self._parts(one)))

    def _parts(self, publication: Publication) -> Sequence[Awaitable[object]]:
        body = encode(publication.message)
        match publication:
            case ToStep(domain, message):
                return [self._to_step(step_key(domain, message), message, body)]
            case Later(domain, message):
                return [self._publisher.publish(self._pace, step_key(domain, message), body)]
            case ToInboxes():
                return self._to_inboxes(publication, body)
            case Reply(to, message):
                return (
                    [self._replies.send(to.origin, to.reply_to, to.correlation_id, message)]
                    if to.reply_to
                    else []
                )
            case IntoCast(sender, transfer_id, _, None):
                return [self._to_cast(cast(domain_of(sender), transfer_id), body)]
            case IntoCast(_, transfer_id, _, str(receiver)):
                return [self._publisher.publish(LANE, transfer_key(receiver, transfer_id), body)]
        raise AssertionError(publication)

    async def _to_step(self, key: str, message: Message, body: bytes) -> None:
        # Whoever waits for this prompts again, so a queue that is gone delays the transfer and loses nothing.
        if not await self._publisher.publish(STEP, key, body, mandatory=True):
            metrics.UNROUTABLE.labels(step=key.rpartition(".")[2]).inc()
            log.warning(
                "no queue is bound for a step; the clock will ask again",
                key=key,
                message=type(message).__name__,
                transfer=transfer_of(message),
            )

    def _to_inboxes(self, publication: ToInboxes, body: bytes) -> Sequence[Awaitable[object]]:
        left_ms = publication.expires_at // 1000 - time.time_ns() // 1_000_000
        return [
            self._to_inbox(address, publication.session, body, max(left_ms, MIN_EXPIRY_MS))
            for address in publication.addresses
        ]

    async def _to_inbox(self, address: str, session: str | None, body: bytes, expires_ms: int) -> None:
        queue = session_inbox(address, session) if session else inbox(address)
        [(exchange, key)] = queue.bindings
        publish = functools.partial(
            self._publisher.publish, exchange, key, body, expires_ms=expires_ms, mandatory=True
        )
        if await publish() or session or not await self._has_account(address):
            return
        # Its binding went with an exchange that was deleted. That of a session comes back when S210 hears of it.
        await self._declarer.queues([queue])
        await publish()

    async def _has_account(self, address: str) -> bool:
        async with self._database.begin() as ledger:
            return bool(await accounts.find(ledger, [address]))

    async def _to_cast(self, exchange: str, body: bytes) -> None:
        # Without its exchange nobody hears it; the clock's prompts do the same, only later.
        if await self._declarer.has_exchange(exchange):
            await self._publisher.publish(exchange, "", body)
