"""The AsyncAPI document says what the topology table says: no more, no less, no other."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.schemas import FOLDER
from rollcast import messages as m
from rollcast import topology
from rollcast.codec import CONTENT_TYPE
from rollcast.messages import MESSAGES
from tests.contract.queues import PLACEHOLDERS, queues

Node = dict[str, Any]
DOCUMENT: Node = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text())
CHANNELS: Node = DOCUMENT["channels"]
OPERATIONS: Node = DOCUMENT["operations"]
COMPONENTS: Node = DOCUMENT["components"]
CHUNK = "Chunk"
LANE_KEY = topology.transfer_key("{address}", "{transfer_id}")
CAST = topology.cast("{sender_domain}", "{transfer_id}")
RETRY = "rollcast.retry.{server}.{rung}"

Flow = tuple[str, str, str, str, str]
"""Who, sends or receives, the exchange (empty for a queue), the routing key or queue, the message."""


def _resolved(reference: str) -> Any:
    part: Any = DOCUMENT
    for word in reference.removeprefix("#/").split("/"):
        part = part[word]
    return part


def _last(reference: Node) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _amqp(channel: Node) -> Node:
    binding: Node = channel["bindings"]["amqp"]
    return binding


def _place(channel: Node) -> tuple[str, str]:
    binding = _amqp(channel)
    if binding["is"] == "queue":
        return "", binding["queue"]["name"]
    return binding["exchange"]["name"], channel["address"]


def _references(value: object) -> list[str]:
    if isinstance(value, list):
        return [found for item in value for found in _references(item)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [found for item in value.values() for found in _references(item)]


def _documented() -> set[Flow]:
    return {
        (
            operation["tags"][0]["name"],
            operation["action"],
            *_place(_resolved(operation["channel"]["$ref"])),
            _last(message),
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
        ("server", f"rollcast.step.{{server}}.{step}", name)
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
                used[_last(part["channel"])] |= {_last(message) for message in part["messages"]}
    # What goes up the ladder comes out of the queue by itself: the broker sends it back to its step.
    used["queue-retry"] = used["retry-key"]
    assert used == {name: set(channel["messages"]) for name, channel in CHANNELS.items()}


def test_the_exchanges_are_those_of_the_topology() -> None:
    """With their types; beside them only a transfer's cast and a rung's own exchange."""
    found = {
        (_amqp(channel)["exchange"]["name"], _amqp(channel)["exchange"]["type"])
        for channel in CHANNELS.values()
        if _amqp(channel)["is"] == "routingKey"
    }
    assert found == {*topology.EXCHANGES.items(), (CAST, "fanout"), (RETRY, "topic")}


def test_the_queues_are_those_of_the_topology() -> None:
    """With their arguments and bindings; a rung's time is its own."""
    found = {
        channel["address"]: (channel["x-arguments"], [tuple(b.values()) for b in channel["x-bindings"]])
        for channel in CHANNELS.values()
        if _amqp(channel)["is"] == "queue" and channel["address"]
    }
    wanted = {spec.name: (dict(spec.arguments), list(spec.bindings)) for spec in queues(PLACEHOLDERS)}
    wanted[RETRY][0].pop("x-message-ttl")
    assert found == wanted
    assert all(
        _amqp(channel)["queue"]["name"] == channel["address"]
        for channel in CHANNELS.values()
        if _amqp(channel)["is"] == "queue" and channel["address"]
    )


def test_the_replies_are_those_of_the_topology() -> None:
    """Each is the answer to something, and each request of a terminal to a step can be refused."""
    replying = {name: op["reply"] for name, op in OPERATIONS.items() if "reply" in op}
    answers = {_last(message) for reply in replying.values() for message in reply["messages"]}
    assert answers == set(_names(topology.REPLIES)) == set(CHANNELS["reply"]["messages"])
    assert _amqp(CHANNELS["reply"])["queue"]["name"] == topology.REPLY_TO
    steps = {f"terminal-sends-{verb.word}" for verb in topology.VERBS if verb.pool in topology.STEPS}
    assert {name for name in replying if name.startswith("terminal")} == steps


def test_the_messages_are_those_of_the_code_and_the_chunk() -> None:
    """Each points to its schema, and to nothing that is not there."""
    found = COMPONENTS["messages"]
    assert set(found) == {CHUNK, *_names(MESSAGES.values())}
    for kind in MESSAGES.values():
        message = found[kind.__name__]
        assert message["contentType"] == DOCUMENT["defaultContentType"] == CONTENT_TYPE
        assert message["payload"]["schema"] == {"$ref": f"./messages/{kind.__name__}.v1.schema.json"}
    assert found[CHUNK]["headers"]["schema"] == {"$ref": "./chunk-headers.v1.schema.json"}


ALLOWED = {
    "document": {"asyncapi", "info", "defaultContentType", "servers", "channels", "operations", "components"},
    "channel": {"address", "description", "messages", "parameters", "bindings", "x-arguments", "x-bindings"},
    "operation": {"action", "tags", "channel", "description", "messages", "bindings", "reply"},
    "message": {"name", "summary", "contentType", "headers", "payload"},
}


def test_the_document_is_of_the_form_that_asyncapi_3_has() -> None:
    """The fields of each object, and where its references may point."""
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT.keys() <= ALLOWED["document"]
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    assert all({"host", "protocol"} <= server.keys() for server in DOCUMENT["servers"].values())
    assert all(message.keys() <= ALLOWED["message"] for message in COMPONENTS["messages"].values())


@pytest.mark.parametrize("reference", sorted(set(_references(DOCUMENT))))
def test_each_reference_points_to_something(reference: str) -> None:
    """In the document, or in a file beside it."""
    if reference.startswith("#/"):
        assert _resolved(reference)
    else:
        assert (FOLDER / Path(reference)).is_file()


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_is_well_formed(name: str) -> None:
    """Described, bound to AMQP, with a parameter for each name in braces and no other."""
    channel = CHANNELS[name]
    assert channel.keys() <= ALLOWED["channel"]
    assert channel["description"]
    assert channel["messages"]
    assert _amqp(channel)["bindingVersion"] == "0.3.0"
    assert all(_last(message) == key for key, message in channel["messages"].items())
    braces = set(re.findall(r"{(\w+)}", "".join(_place(channel))))
    assert braces == set(channel.get("parameters", {})) <= set(COMPONENTS["parameters"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_well_formed(name: str) -> None:
    """One role does one thing on one channel, with messages that this channel has."""
    operation = OPERATIONS[name]
    assert operation.keys() <= ALLOWED["operation"]
    assert operation["action"] in {"send", "receive"}
    assert [tag["name"] in {"terminal", "server", "operator"} for tag in operation["tags"]] == [True]
    assert operation["description"]
    for part in filter(None, (operation, operation.get("reply"))):
        channel = part["channel"]["$ref"]
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in part["messages"])


def test_progress_and_chunks_are_transient_and_other_requests_persistent() -> None:
    """As a terminal publishes them."""
    modes = {
        _last(operation["channel"]): operation["bindings"]["amqp"]["deliveryMode"]
        for operation in OPERATIONS.values()
        if operation["tags"] == [{"name": "terminal"}] and operation["action"] == "send"
    }
    assert {name for name, mode in modes.items() if mode == 1} == {
        "bulk",
        f"up-{topology.VERB_OF[m.ProgressReported]}",
    }
    assert set(modes.values()) == {1, 2}
