"""The AsyncAPI document as it is on disk, and how to find one's way in it."""

from typing import Any

import yaml

from dev.schemas import FOLDER

Node = dict[str, Any]
DOCUMENT: Node = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text())
CHANNELS: Node = DOCUMENT["channels"]
OPERATIONS: Node = DOCUMENT["operations"]
COMPONENTS: Node = DOCUMENT["components"]


def resolved(reference: str) -> Any:
    """What a reference within the document points to."""
    part: Any = DOCUMENT
    for word in reference.removeprefix("#/").split("/"):
        part = part[word]
    return part


def last(reference: Node) -> str:
    """The name that a reference ends with."""
    return str(reference["$ref"]).rpartition("/")[2]


def amqp(channel: Node) -> Node:
    """The AMQP binding of a channel."""
    binding: Node = channel["bindings"]["amqp"]
    return binding


def place(channel: Node) -> tuple[str, str]:
    """The exchange and routing key of a channel; an empty exchange and the queue if it is one."""
    binding = amqp(channel)
    if binding["is"] == "queue":
        return "", binding["queue"]["name"]
    return binding["exchange"]["name"], channel["address"]


def references(value: object) -> list[str]:
    """All references below a value."""
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [found for item in value.values() for found in references(item)]
