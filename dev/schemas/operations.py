"""The operations: who sends what where, and who receives what from where."""

from collections.abc import Iterable, Sequence
from typing import Any

from dev.schemas import texts
from dev.schemas.channels import BINDING_VERSION, CHUNK, heard_by, into_lane, names, pools, retried, said_to
from rollcast import messages as m
from rollcast.topology import (
    OPERATORS_MAY_SAY,
    REPLY_TO,
    STEP_OF,
    STEPS,
    TO_RECEIVER,
    TO_SENDER,
    VERBS,
)

Node = dict[str, Any]
TRANSIENT, PERSISTENT = 1, 2
ANSWERS: dict[type[m.Message], tuple[type[m.Message], ...]] = {
    m.Register: (m.Registered,),
    m.Query: (m.TransferDescribed, m.TransfersListed),
    m.AccountRequested: (m.AccountAnswered,),
    m.ParkedRequested: (m.ParkedAnswered,),
    m.OverviewRequested: (m.OverviewAnswered,),
    m.DiagnosisRequested: (m.DiagnosisAnswered,),
    m.ConsentAnswered: (m.AnswerRecorded,),
    m.ReceiptReported: (m.ReceiptRecorded,),
}
"""What a request is answered by, beside `Refused`."""


def all_operations() -> Node:
    """All operations by their id."""
    return {**_terminals(), **_operators(), **_servers()}


def _terminals() -> Node:
    verbs = {
        f"terminal-sends-{verb.word}": _asking("terminal", f"up-{verb.word}", [verb.message], verb.pool)
        for verb in VERBS
    }
    return {
        **verbs,
        "terminal-sends-chunks": _send("terminal", "bulk", [CHUNK], texts.CHANNELS["bulk"], TRANSIENT),
        "terminal-receives-inbox": _receive("terminal", "inbox", names(TO_RECEIVER), texts.CHANNELS["inbox"]),
        "terminal-receives-session-inbox": _receive(
            "terminal", "session-inbox", names(TO_SENDER), texts.CHANNELS["session-inbox"]
        ),
        "terminal-receives-lane": _receive("terminal", "lane", into_lane(), texts.CHANNELS["lane"]),
    }


def _operators() -> Node:
    said = {pool: [kind for kind in OPERATORS_MAY_SAY if STEP_OF[kind] == pool] for pool in STEPS}
    return {
        f"operator-sends-{pool}": _asking("operator", f"step-{pool}", kinds, pool)
        for pool, kinds in said.items()
        if kinds
    }


def _servers() -> Node:
    heard = {f"server-receives-{pool}": _serving(pool) for pool in pools()}
    said = {pool: [kind for kind in said_to(pool) if kind not in OPERATORS_MAY_SAY] for pool in pools()}
    prompts = {
        f"server-sends-{pool}": _send("server", f"step-{pool}", names(kinds), texts.POOLS[pool])
        for pool, kinds in said.items()
        if kinds
    }
    outward = {
        "inbox-key": names(TO_RECEIVER),
        "session-inbox-key": names(TO_SENDER),
        "cast": into_lane(),
        "lane-key": into_lane(),
        "retry-key": retried(),
    }
    return {
        **heard,
        "server-receives-spool": _receive("server", "spool", [CHUNK], texts.CHANNELS["spool"]),
        **prompts,
        **{
            f"server-sends-{name}": _send("server", name, kinds, texts.CHANNELS[name])
            for name, kinds in outward.items()
        },
        "server-parks": _send("server", "queue-parked", retried(), texts.CHANNELS["parked"]),
    }


def _asking(role: str, channel: str, kinds: Sequence[type[m.Message]], pool: str) -> Node:
    mode = PERSISTENT if pool in STEPS else TRANSIENT
    text = texts.VERBS.get(channel.removeprefix("up-"), texts.POOLS[pool])
    return {**_send(role, channel, names(kinds), f"{text} {texts.REQUEST}", mode), **_replies(kinds, pool)}


def _serving(pool: str) -> Node:
    asked = [verb.message for verb in VERBS if verb.pool == pool]
    asked += [kind for kind in OPERATORS_MAY_SAY if STEP_OF[kind] == pool and kind not in asked]
    return {**_receive("server", pool, heard_by(pool), texts.POOLS[pool]), **_replies(asked, pool)}


def _replies(asked: Sequence[type[m.Message]], pool: str) -> Node:
    if not asked or pool not in STEPS:
        return {}
    answers = [answer for kind in asked for answer in ANSWERS.get(kind, ())]
    return {
        "reply": {
            "address": {
                "description": f"The property reply_to of the request: `{REPLY_TO}`, if a reply is wanted.",
                "location": "$message.header#/reply_to",
            },
            "channel": {"$ref": "#/channels/reply"},
            "messages": _messages("reply", names([*answers, m.Refused])),
        }
    }


def _send(role: str, channel: str, messages: Iterable[str], text: str, mode: int | None = None) -> Node:
    made = _operation("send", role, channel, messages, text)
    if mode is not None:
        made["bindings"] = {"amqp": {"deliveryMode": mode, "bindingVersion": BINDING_VERSION}}
    return made


def _receive(role: str, queue: str, messages: Iterable[str], text: str) -> Node:
    made = _operation("receive", role, f"queue-{queue}", messages, text)
    made["bindings"] = {"amqp": {"ack": True, "bindingVersion": BINDING_VERSION}}
    return made


def _operation(action: str, role: str, channel: str, messages: Iterable[str], text: str) -> Node:
    return {
        "action": action,
        "tags": [{"name": role}],
        "channel": {"$ref": f"#/channels/{channel}"},
        "description": text,
        "messages": _messages(channel, messages),
    }


def _messages(channel: str, messages: Iterable[str]) -> list[Node]:
    return [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in messages]
