"""Publishes what steps return, and waits for the broker's confirms."""

import asyncio
import time
from collections.abc import Awaitable, Iterable, Sequence

import structlog

from rollcast.addresses import domain_of
from rollcast.broker import Publisher
from rollcast.codec import encode
from rollcast.topology import DOWN, LANE, STEP, cast, retry_queue, step_key, transfer_key
from workers import metrics
from workers.settings import Settings
from workers.work import IntoCast, Later, Publication, Reply, ToInboxes, ToStep

PACE = "pace"
PACE_MS = 250
MIN_EXPIRY_MS = 1_000

log = structlog.get_logger()


class Outbox:
    """The one way in which control messages leave a worker."""

    def __init__(self, publisher: Publisher, settings: Settings) -> None:
        self._publisher = publisher
        self._pace = retry_queue(settings.server, PACE, PACE_MS).name

    async def publish(self, publications: Iterable[Publication]) -> None:
        """Publish all, in any order; when this returns the broker has them."""
        await asyncio.gather(*(part for one in publications for part in self._parts(one)))

    def _parts(self, publication: Publication) -> Sequence[Awaitable[object]]:
        body = encode(publication.message)
        match publication:
            case ToStep(domain, message):
                return [self._to_step(step_key(domain, message), body)]
            case Later(domain, message):
                return [self._publisher.publish(self._pace, step_key(domain, message), body)]
            case ToInboxes():
                return self._to_inboxes(publication, body)
            case Reply(to, _):
                return [self._reply(to.reply_to, to.correlation_id, body)] if to.reply_to else []
            case IntoCast(sender, transfer_id, _, None):
                return [self._publisher.publish(cast(domain_of(sender), transfer_id), "", body)]
            case IntoCast(_, transfer_id, _, str(receiver)):
                return [self._publisher.publish(LANE, transfer_key(receiver, transfer_id), body)]
        raise AssertionError(publication)

    async def _to_step(self, key: str, body: bytes) -> None:
        # Whoever waits for this prompts again, so a queue that is gone delays the transfer and loses nothing.
        if not await self._publisher.publish(STEP, key, body, mandatory=True):
            metrics.UNROUTABLE.labels(step=key.rpartition(".")[2]).inc()
            log.warning("no queue is bound for a step; the clock will ask again", key=key)

    def _to_inboxes(self, publication: ToInboxes, body: bytes) -> Sequence[Awaitable[object]]:
        left_ms = publication.expires_at // 1000 - time.time_ns() // 1_000_000
        suffix = f".{publication.session}" if publication.session else ""
        return [
            self._publisher.publish(DOWN, address + suffix, body, expires_ms=max(left_ms, MIN_EXPIRY_MS))
            for address in publication.addresses
        ]

    async def _reply(self, reply_to: str, correlation_id: str | None, body: bytes) -> None:
        await self._publisher.publish("", reply_to, body, correlation_id=correlation_id, persistent=False)
