"""The AsyncAPI document says what the topology table says: no more, no less, no other."""

from typing import Any

from rollcast import messages as m
from rollcast import topology
from rollcast.codec import CONTENT_TYPE
from rollcast.messages import MESSAGES
from tests.contract.asyncapi import (
    CHANNELS,
    COMPONENTS,
    DOCUMENT,
    OPERATIONS,
    Node,
    amqp,
    last,
    place,
    resolved,
)
from tests.contract.queues import PLACEHOLDERS, queues

CHUNK = "Chunk"
LANE_KEY = topology.transfer_key("{address}", "{transfer_id}")
CAST = topology.cast("{sender_domain}", "{transfer_id}")
RETRY = "rollcast.retry.{server}.{rung}"

Flow = tuple[str, str, str, str, str]
"""Who, sends or receives, the exchange (empty for a queue), the routing key or queue, the message."""


def _documented() -> set[Flow]:
    return {
        (
            operation["tags"][0]["name"],
            operation["action"],
            *place(resolved(operation["channel"]["$ref"])),
            last(message),
        )
        for operation in OPERATIONS.values()
        for message in operation["messages"]
    }


def _names(kinds: Any) -> list[str]:
    return [kind.__name__ for kind in kinds]


def _said_by_terminals_and_operators() -> set[Flow]:
    verbs = {
        ("terminal", "send", "rollcast.up", f"{{domain}}.{{address}}.{verb.word}", verb.message.__name__)
        for verb in topology.VERBS
    }
    operators = {
        ("operator", "send", "rollcast.step", f"{{domain}}.{topology.STEP_OF[kind]}", kind.__name__)
        for kind in topology.OPERATORS_MAY_SAY
    }
    return verbs | operators | {("terminal", "send", "rollcast.bulk", LANE_KEY, CHUNK)}


def _said_by_servers() -> set[Flow]:
    step = {
        ("rollcast.step", f"{{domain}}.{pool}", kind.__name__)
        for kind, pool in topology.STEP_OF.items()
        if kind not in topology.OPERATORS_MAY_SAY
    }
    down = {("rollcast.down", "{address}", name) for name in _names(topology.TO_RECEIVER)}
    down |= {("rollcast.down", "{address}.{session}", name) for name in _names(topology.TO_SENDER)}
    into = [CHUNK, *_names(topology.INTO_LANE)]
    lanes = {(CAST, "", name) for name in into} | {("rollcast.lane", LANE_KEY, name) for name in into}
    failed = {name for pool in topology.STEPS for name in _names(topology.accepts(pool))}
    kept = {(RETRY, "{domain}.{pool}", name) for name in failed}
    kept |= {("", "rollcast.parked.{server}", name) for name in failed}
    return {("server", "send", *said) for said in step | down | lanes | kept}


def _heard() -> set[Flow]:
    pools = {
        ("server", f"rollcast.step2.{{server}}.{step}", name)
        for step in topology.STEPS
        for name in _names(topology.accepts(step))
    }
    pools |= {("server", "rollcast.progress.{server}", name) for name in _names(topology.accepts("progress"))}
    pools |= {("server", "rollcast.spool.{server}", CHUNK)}
    inbox = "rollcast.inbox.{address}"
    terminals = {("terminal", inbox, name) for name in _names(topology.TO_RECEIVER)}
    terminals |= {("terminal", f"{inbox}.{{session}}", name) for name in _names(topology.TO_SENDER)}
    lane = f"rollcast.lane.{LANE_KEY}"
    terminals |= {("terminal", lane, name) for name in [CHUNK, *_names(topology.INTO_LANE)]}
    return {(who, "receive", "", queue, name) for who, queue, name in pools | terminals}


def test_who_says_and_hears_what_where_is_the_topology_table() -> None:
    """Role, direction, exchange, key or queue, and message: both ways."""
    assert _documented() == _said_by_terminals_and_operators() | _said_by_servers() | _heard()


def test_each_channel_carries_what_its_operations_say() -> None:
    """No message is on a channel without someone who sends, receives or answers with it."""
    used: dict[str, set[str]] = {name: set() for name in CHANNELS}
    for operation in OPERATIONS.values():
        for part in (operation, operation.get("reply")):
            if part:
                used[last(part["channel"])] |= {last(message) for message in part["messages"]}
    # What goes up the ladder comes out of the queue by itself: the broker sends it back to its step.
    used["queue-retry"] = used["retry-key"]
    assert used == {name: set(channel["messages"]) for name, channel in CHANNELS.items()}


def test_the_exchanges_are_those_of_the_topology() -> None:
    """With their types; beside them only a transfer's cast and a rung's own exchange."""
    found = {
        (amqp(channel)["exchange"]["name"], amqp(channel)["exchange"]["type"])
        for channel in CHANNELS.values()
        if amqp(channel)["is"] == "routingKey"
    }
    assert found == {*topology.EXCHANGES.items(), (CAST, "fanout"), (RETRY, "topic")}


def test_the_queues_are_those_of_the_topology() -> None:
    """With their arguments and bindings; a rung's time is its own."""
    found = {
        channel["address"]: (channel["x-arguments"], [tuple(b.values()) for b in channel["x-bindings"]])
        for channel in CHANNELS.values()
        if amqp(channel)["is"] == "queue" and channel["address"]
    }
    wanted = {spec.name: (dict(spec.arguments), list(spec.bindings)) for spec in queues(PLACEHOLDERS)}
    wanted[RETRY][0].pop("x-message-ttl")
    assert found == wanted
    assert all(
        amqp(channel)["queue"]["name"] == channel["address"]
        for channel in CHANNELS.values()
        if amqp(channel)["is"] == "queue" and channel["address"]
    )


def test_the_replies_are_those_of_the_topology() -> None:
    """Each answers something, and whatever a terminal or an operator says to a step can be refused."""
    answered = {name: {last(message) for message in op["reply"]["messages"]} for name, op in _asked().items()}
    also = {
        "terminal-sends-register": {"Registered"},
        "terminal-sends-query": {"TransferDescribed", "TransfersListed"},
        "terminal-sends-answer": {"AnswerRecorded"},
        "terminal-sends-receipt": {"ReceiptRecorded"},
        "operator-sends-operator": {
            *("TransferDescribed", "TransfersListed", "AccountAnswered", "ParkedAnswered"),
            *("OverviewAnswered", "DiagnosisAnswered"),
        },
    }
    verbs = {f"terminal-sends-{verb.word}" for verb in topology.VERBS if verb.pool in topology.STEPS}
    assert answered == {name: {"Refused"} | also.get(name, set()) for name in {*verbs, *also}}
    assert (
        set().union(*answered.values()) == set(_names(topology.REPLIES)) == set(CHANNELS["reply"]["messages"])
    )
    assert amqp(CHANNELS["reply"])["queue"]["name"] == topology.REPLY_TO


def _asked() -> Node:
    return {name: op for name, op in OPERATIONS.items() if op["action"] == "send" and "reply" in op}


def test_a_server_answers_what_is_asked_of_it() -> None:
    """Where it receives a question, with all that whoever asks expects."""
    expected: dict[tuple[str, str], set[str]] = {}
    pools = {f"terminal-sends-{verb.word}": verb.pool for verb in topology.VERBS}
    for name, operation in _asked().items():
        pool = pools.get(name, topology.OPERATOR)
        for said in map(last, operation["messages"]):
            expected.setdefault((pool, said), set()).update(map(last, operation["reply"]["messages"]))
    for name, operation in OPERATIONS.items():
        if operation["action"] == "receive" and operation["tags"] == [{"name": "server"}]:
            heard = {
                (name.removeprefix("server-receives-"), said) for said in map(last, operation["messages"])
            }
            replies = set(map(last, operation.get("reply", {}).get("messages", [])))
            assert replies == set().union(*(expected.get(asked, set()) for asked in heard))


def test_the_messages_are_those_of_the_code_and_the_chunk() -> None:
    """Each points to its schema, and to nothing that is not there."""
    found = COMPONENTS["messages"]
    assert set(found) == {CHUNK, *_names(MESSAGES.values())}
    for kind in MESSAGES.values():
        message = found[kind.__name__]
        assert message["contentType"] == DOCUMENT["defaultContentType"] == CONTENT_TYPE
        assert message["payload"]["schema"] == {"$ref": f"./messages/{kind.__name__}.v1.schema.json"}
    assert found[CHUNK]["headers"]["schema"] == {"$ref": "./chunk-headers.v1.schema.json"}


def test_progress_and_chunks_are_transient_and_other_requests_persistent() -> None:
    """As a terminal publishes them."""
    modes = {
        last(operation["channel"]): operation["bindings"]["amqp"]["deliveryMode"]
        for operation in OPERATIONS.values()
        if operation["tags"] == [{"name": "terminal"}] and operation["action"] == "send"
    }
    progress = f"up-{topology.VERB_OF[m.ProgressReported]}"
    assert {name for name, mode in modes.items() if mode == 1} == {"bulk", progress}
    assert set(modes.values()) == {1, 2}
