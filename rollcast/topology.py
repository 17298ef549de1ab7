"""Every name on the broker, and which message goes where. The one place that both workers and SDK look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from rollcast import messages as m

UP, STEP, DOWN = "rollcast.up", "rollcast.step", "rollcast.down"
BULK, LANE = "rollcast.bulk", "rollcast.lane"
REPLY_TO = "amq.rabbitmq.reply-to"

MiB = 1024 * 1024
TYPE = "x-queue-type"
CLASSIC: Mapping[str, str | int] = {TYPE: "classic"}
"""Always named: a virtual host may have another default type, and quorum queues are not made for chunks."""
ExchangeType = Literal["topic", "direct", "fanout"]
EXCHANGES: dict[str, ExchangeType] = {
    UP: "topic",
    STEP: "topic",
    DOWN: "direct",
    BULK: "topic",
    LANE: "direct",
}
"""The exchanges that are always there, all of them durable."""
INNER = {UP: "rollcast.inner.up", STEP: "rollcast.inner.step", BULK: "rollcast.inner.bulk"}
"""The entries, to which terminals and operators publish, each with its inner exchange, to which no client may.

Queues and casts are bound to inner exchanges only. An entry is open when its inner exchange is bound to it: that is
done when everybody's topic permissions on it are there.
"""

OPERATOR = "operator"
"""Answers operators: a queue and a pool of its own, which nothing that terminals send can keep waiting."""
STEPS = (
    OPERATOR,
    *("s200", "s210", "s220", "s230", "s240", "s250", "s260", "s270", "s280", "s290", "s300", "s310"),
)
"""What operators ask for, then the steps in the order of the protocol; each has a queue and a pool."""
POOLS = (*STEPS, "spool", "progress", "clock")


class Verb(NamedTuple):
    """What a terminal may say on `rollcast.up`: the last word of the routing key, and the pool that hears it."""

    word: str
    message: type[m.Message]
    pool: str


VERBS = (
    Verb("register", m.Register, "s200"),
    Verb("query", m.Query, "s200"),
    Verb("request", m.TransferRequested, "s210"),
    Verb("answer", m.ConsentAnswered, "s260"),
    Verb("missing", m.ChunksMissing, "s300"),
    Verb("receipt", m.ReceiptReported, "s310"),
    Verb("cancel", m.CancelRequested, "s310"),
    Verb("progress", m.ProgressReported, "progress"),
)
VERB_OF = {verb.message: verb.word for verb in VERBS}

STEP_OF: dict[type[m.Message], str] = {
    m.AccountRequested: OPERATOR,
    m.ParkedRequested: OPERATOR,
    m.OverviewRequested: OPERATOR,
    m.DiagnosisRequested: OPERATOR,
    m.Query: OPERATOR,
    m.SenderCheckDue: "s220",
    m.InvitationsDue: "s230",
    m.ReceiversInvited: "s240",
    m.ConsentDue: "s250",
    m.ReceiversAnswered: "s270",
    m.RoundDue: "s270",
    m.LanesDue: "s280",
    m.LanesOpened: "s290",
    m.UploadDue: "s290",
    m.ChunksSpooled: "s290",
    m.SpoolVerified: "s290",
    m.SourceDiffered: "s290",
    m.LanesMeasured: "s290",
    m.PaceDue: "s290",
    m.RepairDue: "s300",
    m.ReceiversFinished: "s310",
    m.CloseDue: "s310",
    m.TransferClosed: "s310",
    m.ClosingConfirmed: "s310",
    m.ReceiversProgressed: "progress",
}
"""Which pool hears a message on `rollcast.step`."""
OPERATORS_MAY_SAY = (
    m.AccountRequested,
    m.ParkedRequested,
    m.OverviewRequested,
    m.DiagnosisRequested,
    m.Query,
)

REPLIES = (
    m.Registered,
    m.TransferDescribed,
    m.TransfersListed,
    m.AccountAnswered,
    m.ParkedAnswered,
    m.OverviewAnswered,
    m.DiagnosisAnswered,
    m.AnswerRecorded,
    m.Refused,
    m.ReceiptRecorded,
)
TO_SENDER = (
    m.TransferAccepted,
    m.TransferHeld,
    m.TransferRefused,
    m.ReceiverListResolved,
    m.UploadInvited,
    m.UploadCompleted,
    m.ProgressSummarized,
    m.TransferReported,
)
TO_RECEIVER = (m.ConsentAsked, m.AnswerRefused, m.LaneOpened, m.TransferEnded)
INTO_LANE = (m.CastEnded,)


@dataclass(frozen=True)
class QueueSpec:
    """A durable queue, its arguments (never changed under one name) and its bindings (exchange, key)."""

    name: str
    arguments: Mapping[str, str | int] = field(default_factory=dict)
    bindings: tuple[tuple[str, str], ...] = ()


class MarkedExchange(NamedTuple):
    """An internal exchange, to which nobody publishes, and its alternate exchange, which marks it.

    The alternate exchange is the one argument of an exchange that the broker compares when it is declared again.
    """

    name: str
    mark: str


def up_key(address: str, domain: str, message: m.Message) -> str:
    """The routing key under which the terminal `address` of `domain` sends `message`."""
    return f"{domain}.{address}.{VERB_OF[type(message)]}"


def step_key(domain: str, message: m.Message) -> str:
    """The routing key under which a server sends `message` to the server of `domain`."""
    return f"{domain}.{STEP_OF[type(message)]}"


def domain_of_key(key: str) -> str:
    """The domain whose server gets what is sent under a key."""
    return key.partition(".")[0]


def accepts(pool: str) -> tuple[type[m.Message], ...]:
    """The messages that may stand in the queue of a pool."""
    said = (verb.message for verb in VERBS if verb.pool == pool)
    return (*said, *(kind for kind, step in STEP_OF.items() if step == pool))


ENTRIES_LOCK = "rollcast.entries.lock"
"""The exclusive queue of whoever declares and opens the entries: one at a time in a virtual host."""


def parked(server: str) -> QueueSpec:
    """Where messages wait that nobody could handle."""
    return QueueSpec(f"rollcast.parked.{server}", CLASSIC)


def parked_lock(server: str) -> str:
    """The exclusive queue that whoever looks at parked messages declares: one at a time."""
    return f"{parked(server).name}.lock"


def step_queue(server: str, pool: str, domains: tuple[str, ...]) -> QueueSpec:
    """The queue of a step, shared by the workers of its pool.

    Terminals write into it, so it has no dead-letter exchange: brokers before 4.0 interpret headers of clients when
    they dead-letter. Workers set aside what is delivered too often; the limit is a last resort, which drops. Without
    one it is 20 on RabbitMQ 4.
    """
    arguments: dict[str, str | int] = {"x-queue-type": "quorum", "x-delivery-limit": 1000}
    return QueueSpec(f"rollcast.step2.{server}.{pool}", arguments, _inner(_pool_bindings(pool, domains)))


def earlier_step_queue(server: str, pool: str, domains: tuple[str, ...]) -> QueueSpec:
    """The queue of a step before its arguments changed. No worker declares it any more; it is emptied and deleted."""
    arguments: dict[str, str | int] = {
        TYPE: "quorum",
        "x-delivery-limit": 100,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": parked(server).name,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    return QueueSpec(f"rollcast.step.{server}.{pool}", arguments, _pool_bindings(pool, domains))


def progress_queue(server: str, domains: tuple[str, ...]) -> QueueSpec:
    """Progress is worth nothing when it is old, and never worth memory."""
    arguments = {
        **CLASSIC,
        "x-message-ttl": 5_000,
        "x-max-length": 10_000,
        "x-overflow": "drop-head",
    }
    return QueueSpec(f"rollcast.progress.{server}", arguments, _inner(_pool_bindings("progress", domains)))


def _pool_bindings(pool: str, domains: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    words = [verb.word for verb in VERBS if verb.pool == pool]
    return tuple(
        binding
        for domain in domains
        for binding in (*((UP, f"{domain}.*.{word}") for word in words), (STEP, f"{domain}.{pool}"))
    )


def _inner(bindings: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((INNER[entry], key) for entry, key in bindings)


def retry_queue(server: str, rung: str, milliseconds: int) -> QueueSpec:
    """A rung: what is published to the exchange of the same name comes back to its step after that time."""
    name = f"rollcast.retry.{server}.{rung}"
    arguments = {**CLASSIC, "x-message-ttl": milliseconds, "x-dead-letter-exchange": STEP}
    return QueueSpec(name, arguments, ((name, "#"),))


def spool_queue(server: str) -> QueueSpec:
    """Chunks on their way into the spool; bound to the inner exchange of `rollcast.bulk` for each transfer."""
    return QueueSpec(f"rollcast.spool.{server}", CLASSIC)


def inbox(address: str) -> QueueSpec:
    """The inbox of a terminal, as permanent as its account."""
    arguments = {**CLASSIC, "x-max-length": 10_000, "x-max-length-bytes": 64 * MiB}
    return QueueSpec(f"rollcast.inbox.{address}", arguments, ((DOWN, address),))


def session_inbox(address: str, session: str) -> QueueSpec:
    """The inbox of one sending or asking process; gone a minute after it."""
    key = f"{address}.{session}"
    return QueueSpec(f"rollcast.inbox.{key}", {**CLASSIC, "x-expires": 60_000}, ((DOWN, key),))


LANE_BYTES = 256 * MiB
"""What waits in a lane at the most; what was given out and not acknowledged does not count."""


def lane(address: str, transfer_id: str, cast_exchange: str) -> QueueSpec:
    """One receiver's part of a cast. What it drops when it overflows is repaired from the spool."""
    key = transfer_key(address, transfer_id)
    arguments = {
        **CLASSIC,
        "x-expires": 15 * 60_000,
        "x-max-length-bytes": LANE_BYTES,
        "x-overflow": "drop-head",
    }
    return QueueSpec(f"rollcast.lane.{key}", arguments, ((cast_exchange, ""), (LANE, key)))


def transfer_key(address: str, transfer_id: str) -> str:
    """The routing key of chunks: of their sender on `rollcast.bulk`, of their receiver on `rollcast.lane`."""
    return f"{address}.{transfer_id}"


def cast(sender_domain: str, transfer_id: str) -> str:
    """The fan-out exchange of one transfer."""
    return f"rollcast.cast.{sender_domain}.{transfer_id}"


def identity_exchange(server: str, ledger_id: str) -> MarkedExchange:
    """Says which ledger the server of this name has. No exchange has the name of the mark."""
    return MarkedExchange(f"rollcast.identity.{server}", f"rollcast.ledger.{ledger_id}")
