"""Are a server's queues as they were declared, does somebody consume each, and is nothing parked?"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from rollcast.findings import fine, some, wrong
from rollcast.messages.figures import Finding
from rollcast.topology import CLASSIC, INNER, STEP, TYPE, MiB, QueueSpec, inbox, lane, parked
from workers.broker import own_queues
from workers.broker.declarer import Counts, Declarer
from workers.broker.management import Management
from workers.looking.broker_view import BrokerView
from workers.settings import Settings

HARMFUL = {
    *("message-ttl", "expires", "max-length", "max-length-bytes", "overflow"),
    *("dead-letter-exchange", "dead-letter-routing-key"),
}
"""What a policy must not set on a queue of ours: it would lose messages, or keep them where nobody looks."""
LIMIT = "delivery-limit"
WELL = {"running", "idle", "flow", "live"}
"""States of a queue that serves; `live` where the broker collects no figures."""
LOOKED_AT = 100
START = "Start it: python -m workers"
NOTHING = Counts(0, 0)

Queue = Mapping[str, Any]


async def check_queues(settings: Settings, view: BrokerView, declarer: Declarer) -> list[Finding]:
    """All queues of the server, their consumers and the parked messages."""
    described = await view.described()
    earlier = [spec.name for spec in own_queues.of_an_earlier_version(settings) if spec.name in described]
    counts = await declarer.counts([*own_queues.names(settings), *earlier])
    pools, others = own_queues.of_pools(settings), own_queues.of_nobody(settings)
    troubles = [
        trouble
        for pool, spec in [*pools.items(), *((None, spec) for spec in others)]
        if (trouble := _trouble(spec, described.get(spec.name), pool)) is not None
    ]
    all_fine = fine("queues", f"all {len(pools) + len(others)} are there as they were declared")
    of_pools = {pool: counts.get(spec.name, NOTHING) for pool, spec in pools.items()}
    return [
        *(troubles or [all_fine]),
        *_earlier(earlier, counts),
        *_consumers(of_pools),
        _parked(counts.get(parked(settings.server).name, NOTHING).ready),
    ]


def _trouble(spec: QueueSpec, queue: Queue | None, pool: str | None) -> Finding | None:
    subject = f"queue {spec.name}"
    if queue is None:
        whose = f"of the pool {pool} " if pool else ""
        return wrong(
            subject, "it is not there", f"Any worker {whose}declares it within 10 s: see whether one runs."
        )
    if differing := _differences(spec.arguments, queue["arguments"]):
        return wrong(subject, ", ".join(differing.values()), _declared_anew(pool, differing))
    if harmful := _harmful(spec, queue.get("effective_policy_definition") or {}):
        remedy = (
            "Change its pattern so that it does not fit, or clear it; see rabbitmqctl list_policies and "
            "list_operator_policies."
        )
        return wrong(subject, f"{_policies(queue)} sets {', '.join(harmful)}", remedy)
    if (state := queue.get("state", "running")) not in WELL:
        return wrong(
            subject, f"it is {state}", "See the broker's log: nodes that have the queue may be down."
        )
    return None


def _harmful(spec: QueueSpec, policy: Mapping[str, Any]) -> list[str]:
    """What a policy sets that it must not; of two limits of deliveries the lower one counts."""
    limit, own = policy.get(LIMIT), spec.arguments.get(f"x-{LIMIT}")
    lowers = isinstance(limit, int) and isinstance(own, int) and limit < own
    return sorted({*(HARMFUL & set(policy)), *({LIMIT} if lowers else ())})


def _policies(queue: Queue) -> str:
    """The broker merges a policy and an operator policy, and does not say what is whose."""
    named = {"the policy": queue.get("policy"), "the operator policy": queue.get("operator_policy")}
    return " with ".join(f"{kind} {name}" for kind, name in named.items() if name) or "a policy"


def _earlier(names: list[str], counts: Mapping[str, Counts]) -> list[Finding]:
    if not names:
        return []
    found = [counts.get(name, NOTHING) for name in names]
    waiting, consumed = sum(one.ready for one in found), sum(bool(one.consumers) for one in found)
    detail = f"{some(names)}: {waiting} messages wait in them, and somebody consumes {consumed} of them"
    remedy = (
        "Workers empty them, and delete them when nobody has consumed them for a minute: see whether workers of the "
        "earlier version still run."
    )
    return [wrong("earlier queues", detail, remedy)]


def _declared_anew(pool: str | None, differing: Iterable[str]) -> str:
    if set(differing) == {TYPE}:
        return (
            "It is used as it is. To have it as it should be, stop all workers, delete it when nothing is in it, "
            "and start again: it is declared anew."
        )
    stopped = f"the pool {pool}" if pool else "all workers"
    return f"Stop {stopped}, delete the queue, start again: it is declared anew, and what is due said again."


def _differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, str]:
    """The arguments that differ, each with how it does."""
    # RabbitMQ before 4 does not write down the type of a queue that was declared without one.
    found = {**CLASSIC, **found}
    names = sorted(name for name in {*wanted, *found} if wanted.get(name) != found.get(name))
    return {name: f"{name} is {found.get(name)!r}, not {wanted.get(name)!r}" for name in names}


def _consumers(pools: Mapping[str, Counts]) -> list[Finding]:
    lacking = {pool: counts for pool, counts in pools.items() if not counts.consumers}
    if not lacking:
        told = ", ".join(f"{pool} {counts.consumers}" for pool, counts in pools.items())
        return [fine("pools", f"each has workers: {told}")]
    return [
        wrong(f"pool {pool}", f"nobody consumes its queue; waiting in it: {counts.ready}", f"{START} {pool}")
        for pool, counts in lacking.items()
    ]


def _parked(number: int) -> Finding:
    if not number:
        return fine("parked", "no message is parked")
    remedy = "See `rollcast parked list`; replay them when what hindered them is gone, or drop them."
    return wrong("parked", f"{number} waiting for a decision: they could not be handled", remedy)


async def check_bindings(settings: Settings, management: Management) -> list[Finding]:
    """Does each queue hear what is said to it, and do peers have servers?"""
    heard = {exchange: await _bound(exchange, management) for exchange in (*INNER.values(), STEP)}
    silent = [
        f"{spec.name} ({key})"
        for spec in own_queues.of_pools(settings).values()
        for exchange, key in spec.bindings
        if (spec.name, key) not in heard[exchange]
    ]
    # A peer's server may be of a version that binds its queues to the entry.
    keys = {key for _, key in heard[INNER[STEP]] | heard[STEP]}
    alone = [peer for peer in settings.peers if f"{peer}.s240" not in keys]
    remedy = "Start the peer's server, or take it out of ROLLCAST_PEERS."
    peers = [wrong(f"peer {peer}", "no server on this broker serves it", remedy) for peer in alone]
    if silent:
        remedy = "Running workers bind their queues again within 10 s: see whether they run."
        return [wrong("bindings", f"not bound: {some(silent)}", remedy), *peers]
    with_peers = f", and peers are there: {', '.join(settings.peers)}" if settings.peers and not alone else ""
    return [fine("bindings", f"each queue hears what is said to it{with_peers}"), *peers]


async def _bound(exchange: str, management: Management) -> set[tuple[str, str]]:
    path = f"exchanges/{management.vhost}/{exchange}/bindings/source"
    bindings: Iterable[Queue] = await management.call("GET", path, missing_is_fine=True) or []
    return {(binding["destination"], binding["routing_key"]) for binding in bindings}


async def check_lanes(management: Management) -> list[Finding]:
    """Lanes are bounded, so that a receiver that takes nothing does not fill the broker."""
    wanted = lane("", "", "").arguments
    number, odd = await _looked_at(r"^rollcast\.lane\.", wanted, management)
    if odd:
        remedy = "Delete them when no transfer needs them (rollcast list): they are declared again."
        return [wrong("lanes", f"not as declared: {some(odd)}", remedy)]
    most = int(wanted["x-max-length-bytes"]) // MiB
    return [fine("lanes", f"{number} at present, {most} MiB at most in each")]


async def check_inboxes(domain: str, management: Management) -> list[Finding]:
    """Inboxes are classic queues: of another type one could be consumed by two processes at once."""
    subject, pattern = f"inboxes of {domain}", rf"^rollcast\.inbox\.[^.]+@{domain}$"
    number, odd = await _looked_at(pattern, inbox("").arguments, management)
    if odd:
        remedy = "Delete each while its terminal is away: it is declared again, and what is due said again."
        return [wrong(subject, f"not as declared: {some(odd)}", remedy)]
    return [fine(subject, f"{number}, each as it was declared")]


async def _looked_at(
    pattern: str, wanted: Mapping[str, Any], management: Management
) -> tuple[int, list[str]]:
    """How many queues have such names, and which of the first of them have other arguments."""
    query = (
        f"page=1&page_size={LOOKED_AT}&use_regex=true&name={quote(pattern, safe='')}&columns=name,arguments"
    )
    found = await management.call("GET", f"queues/{management.vhost}?{query}")
    odd = [queue["name"] for queue in found["items"] if _differences(wanted, queue["arguments"])]
    return found["filtered_count"], odd
