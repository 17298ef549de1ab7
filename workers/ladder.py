"""What happens to a message that cannot be handled: up the retry ladder, or parked with its reason."""

import structlog

from rollcast.broker import Delivery, Publisher, cut_from
from rollcast.errors import BrokerUnavailable, Permanent, RollcastError
from rollcast.messages import Refused
from rollcast.messages.values import MAX_TEXT
from rollcast.reasons import REASONS, Code
from rollcast.topology import QueueSpec, parked, retry_queue
from workers import about, metrics
from workers.broker.declarer import Declarer
from workers.broker.outbox import PACE, PACE_MS
from workers.envelope import Envelope, reply_to
from workers.isolation import DeliveryLimit
from workers.meter import Meter
from workers.parked.label import label
from workers.process.logs import Seldom
from workers.replies import Replies

RUNGS = (("5s", 5_000), ("30s", 30_000), ("5m", 300_000))
"""How long a message waits after each attempt, in ms; after the last rung it is parked."""

SHARE, SHARE_RATE = 200, 0.1
"""How many messages of a terminal are parked at once, and a second after that, by each process."""

log = structlog.get_logger()


def rung_queues(server: str) -> list[QueueSpec]:
    """The queues of the ladder, and of the pace rung that is no retry."""
    return [retry_queue(server, rung, milliseconds) for rung, milliseconds in (*RUNGS, (PACE, PACE_MS))]


class Ladder:
    """Publishes copies of messages that failed. The original is acknowledged by the caller, afterwards.

    Where a copy goes is declared before, since what nobody has would be acknowledged away into nothing.
    """

    def __init__(self, publisher: Publisher, replies: Replies, declarer: Declarer, server: str) -> None:
        self._publisher = publisher
        self._replies = replies
        self._declarer = declarer
        self._server = server
        self._shares = Meter(SHARE_RATE, SHARE)
        self._seldom = Seldom()

    async def lift(self, step: str, delivery: Delivery, envelope: Envelope | None, error: Exception) -> str:
        """Keep a failed message: "retried" if it goes to a rung, "parked" if trying again does not help.

        Of a terminal no more than its share is parked: what is over it is "discarded".

        Raises `BrokerUnavailable` if the copy could not be kept.
        """
        if envelope is None or isinstance(error, Permanent) or envelope.attempt >= len(RUNGS):
            return await self._park(step, delivery, envelope, error)
        await self._retry(step, delivery, envelope, error)
        return "retried"

    async def tell(self, delivery: Delivery, error: Permanent) -> None:
        """Answer whoever waits for a reply that the message cannot be handled."""
        place = reply_to(delivery)
        if place is None:
            return
        code = Code(error.code) if error.code in set(Code) else Code.INVALID_MESSAGE
        refused = Refused(reason=code, detail=str(error)[:MAX_TEXT], hint=error.hint or REASONS[code].hint)
        await self._replies.send(delivery.user_id or "", place, delivery.correlation_id, refused)

    async def _retry(self, step: str, delivery: Delivery, envelope: Envelope, error: Exception) -> None:
        rung, milliseconds = RUNGS[envelope.attempt]
        log.warning(
            "a message waits for another attempt",
            step=step,
            rung=rung,
            reason=_reason(error),
            **_described(error, delivery, envelope),
            exc_info=_fault(error),
        )
        queue = retry_queue(self._server, rung, milliseconds)
        await self._declarer.rung(queue)
        kept = await self._publisher.publish(
            queue.name,
            f"{envelope.domain}.{step}",
            delivery.body,
            headers=envelope.headers(envelope.attempt + 1),
            reply_to=delivery.reply_to,
            correlation_id=delivery.correlation_id,
            mandatory=True,
        )
        _must_be_kept(kept, queue)
        metrics.RETRIED.labels(step=step, rung=rung).inc()

    async def _park(self, step: str, delivery: Delivery, envelope: Envelope | None, error: Exception) -> str:
        reason = _reason(error)
        if not self._within_share(delivery, envelope):
            metrics.DISCARDED.labels(step=step, reason=reason).inc()
            if times := self._seldom.due(reason):
                text = "discarded messages: their senders have their shares of the parked ones"
                log.warning(text, times=times, reason=reason)
            return "discarded"
        log.warning(
            "parked a message",
            step=step,
            reason=reason,
            **_described(error, delivery, envelope),
            exc_info=_fault(error),
        )
        queue = parked(self._server)
        await self._declarer.queues([queue])
        kept = await self._publisher.publish(
            "",
            queue.name,
            delivery.body,
            headers=label(step, reason, str(error)[:MAX_TEXT], envelope, cut_from(delivery)),
            mandatory=True,
        )
        _must_be_kept(kept, queue)
        metrics.PARKED.labels(step=step, reason=reason).inc()
        return "parked"

    def _within_share(self, delivery: Delivery, envelope: Envelope | None) -> bool:
        """Whether one more may be parked: servers and operators are trusted, terminals have a share each."""
        origin = envelope.user if envelope else delivery.user_id or ""
        return (origin != "" and "@" not in origin) or self._shares.take(origin)


def _must_be_kept(kept: bool, queue: QueueSpec) -> None:
    if not kept:
        raise BrokerUnavailable(f"nobody has a copy: {queue.name} was deleted at this very moment")


def _reason(error: Exception) -> str:
    return error.code if isinstance(error, RollcastError) else RollcastError.code


def _fault(error: Exception) -> Exception | None:
    """What deserves a traceback."""
    return None if isinstance(error, RollcastError) else error


def _described(error: Exception, delivery: Delivery, envelope: Envelope | None) -> dict[str, object]:
    decodable = cut_from(delivery) is None and not isinstance(error, DeliveryLimit)
    fields = about.fields_of(delivery.body, decodable=decodable)
    return {"error": str(error), "kind": type(error).__name__, **about.failed(fields, envelope)}
