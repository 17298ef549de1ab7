"""The channels: a routing key of an exchange, or a queue. Names in braces stand for any value."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from dev.schemas import texts
from rollcast import messages as m
from rollcast import topology
from rollcast.topology import BULK, DOWN, EXCHANGES, LANE, STEP, STEP_OF, STEPS, UP, VERBS, QueueSpec

Node = dict[str, Any]
CHUNK = "Chunk"
BINDING_VERSION = "0.3.0"
SERVER, DOMAIN, ADDRESS, SESSION, TRANSFER = "{server}", "{domain}", "{address}", "{session}", "{transfer_id}"
CAST = topology.cast("{sender_domain}", TRANSFER)


def retry_queue() -> QueueSpec:
    """A rung without its time, which is another for each rung."""
    spec = topology.retry_queue(SERVER, "{rung}", 0)
    return replace(spec, arguments={k: v for k, v in spec.arguments.items() if k != "x-message-ttl"})


def all_channels() -> Node:
    """All channels by their id."""
    return {**_up(), **_step(), **_delivering(), "reply": _reply(), **_queues()}


def _up() -> Node:
    return {
        f"up-{verb.word}": _key(
            UP, f"{DOMAIN}.{ADDRESS}.{verb.word}", [verb.message.__name__], texts.VERBS[verb.word]
        )
        for verb in VERBS
    }


def _step() -> Node:
    return {
        f"step-{pool}": _key(STEP, f"{DOMAIN}.{pool}", names(said_to(pool)), texts.POOLS[pool])
        for pool in pools()
        if said_to(pool)
    }


def _delivering() -> Node:
    down = {
        "inbox-key": (ADDRESS, topology.TO_RECEIVER),
        "session-inbox-key": (f"{ADDRESS}.{SESSION}", topology.TO_SENDER),
    }
    keys = {name: _key(DOWN, key, names(kinds), texts.CHANNELS[name]) for name, (key, kinds) in down.items()}
    return {
        **keys,
        "bulk": _key(BULK, topology.transfer_key(ADDRESS, TRANSFER), [CHUNK], texts.CHANNELS["bulk"]),
        "cast": _key(CAST, "", into_lane(), texts.CHANNELS["cast"], "fanout"),
        "lane-key": _key(
            LANE, topology.transfer_key(ADDRESS, TRANSFER), into_lane(), texts.CHANNELS["lane-key"]
        ),
        "retry-key": _key(
            retry_queue().name,
            f"{DOMAIN}.{{pool}}",
            retried(),
            texts.CHANNELS["retry-key"],
            "topic",
        ),
    }


def _reply() -> Node:
    made = _channel(None, names(topology.REPLIES), texts.CHANNELS["reply"])
    made["bindings"] = _bindings("queue", {"name": topology.REPLY_TO})
    return made


def _queues() -> Node:
    made = {f"queue-{step}": _queue(step_queue(step), heard_by(step), texts.POOLS[step]) for step in STEPS}
    progress = topology.progress_queue(SERVER, (DOMAIN,))
    rest: dict[str, tuple[QueueSpec, list[str]]] = {
        "progress": (progress, heard_by("progress")),
        "inbox": (topology.inbox(ADDRESS), names(topology.TO_RECEIVER)),
        "session-inbox": (topology.session_inbox(ADDRESS, SESSION), names(topology.TO_SENDER)),
        "lane": (topology.lane(ADDRESS, TRANSFER, CAST), into_lane()),
        "spool": (topology.spool_queue(SERVER), [CHUNK]),
        "retry": (retry_queue(), retried()),
        "parked": (topology.parked(SERVER), retried()),
    }
    others = {
        f"queue-{name}": _queue(spec, heard, texts.CHANNELS[name]) for name, (spec, heard) in rest.items()
    }
    return {**made, **others}


def step_queue(step: str) -> QueueSpec:
    """The queue of a step with placeholders for its names."""
    return topology.step_queue(SERVER, step, (DOMAIN,))


def pools() -> tuple[str, ...]:
    """The pools that hear messages."""
    return (*STEPS, "progress")


def retried() -> list[str]:
    """What can go up the ladder, or be parked: all that a step hears."""
    return list(dict.fromkeys(name for step in STEPS for name in heard_by(step)))


def said_to(pool: str) -> list[type[m.Message]]:
    """What servers say to a pool."""
    return [kind for kind, step in STEP_OF.items() if step == pool]


def heard_by(pool: str) -> list[str]:
    """All that a pool hears."""
    return list(dict.fromkeys(names(topology.accepts(pool))))


def into_lane() -> list[str]:
    """What comes out of a lane."""
    return [CHUNK, *names(topology.INTO_LANE)]


def names(kinds: Iterable[type[m.Message]]) -> list[str]:
    """The names of message types."""
    return [kind.__name__ for kind in kinds]


def _key(exchange: str, key: str, messages: list[str], text: str, kind: str | None = None) -> Node:
    made = _channel(key, messages, text, exchange)
    binding = {"name": exchange, "type": kind or EXCHANGES[exchange], "durable": True, "autoDelete": False}
    made["bindings"] = _bindings("routingKey", {**binding, "vhost": "/"})
    return made


def _queue(spec: QueueSpec, messages: list[str], text: str) -> Node:
    made = _channel(spec.name, messages, text)
    binding = {"name": spec.name, "durable": True, "exclusive": False, "autoDelete": False, "vhost": "/"}
    made["bindings"] = _bindings("queue", binding)
    made["x-arguments"] = dict(spec.arguments)
    made["x-bindings"] = [{"exchange": exchange, "routingKey": key} for exchange, key in spec.bindings]
    return made


def _channel(address: str | None, messages: list[str], text: str, exchange: str = "") -> Node:
    parameters = sorted(set(re.findall(r"{(\w+)}", f"{exchange} {address or ''}")))
    described = {name: {"$ref": f"#/components/parameters/{name}"} for name in parameters}
    return {
        "address": address,
        "description": text,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        **({"parameters": described} if described else {}),
    }


def _bindings(kind: str, binding: Node) -> Node:
    part = "exchange" if kind == "routingKey" else "queue"
    return {"amqp": {"is": kind, part: binding, "bindingVersion": BINDING_VERSION}}
