"""The AsyncAPI document has the form of AsyncAPI 3.0, and each of its references leads somewhere."""

import re
from pathlib import Path

import pytest

from dev.schemas import FOLDER
from tests.contract.asyncapi import (
    CHANNELS,
    COMPONENTS,
    DOCUMENT,
    OPERATIONS,
    amqp,
    last,
    place,
    references,
    resolved,
)

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


@pytest.mark.parametrize("reference", sorted(set(references(DOCUMENT))))
def test_each_reference_points_to_something(reference: str) -> None:
    """In the document, or in a file beside it."""
    if reference.startswith("#/"):
        assert resolved(reference)
    else:
        assert (FOLDER / Path(reference)).is_file()


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_is_well_formed(name: str) -> None:
    """Described, bound to AMQP, with a parameter for each name in braces and no other."""
    channel = CHANNELS[name]
    assert channel.keys() <= ALLOWED["channel"]
    assert channel["description"]
    assert channel["messages"]
    assert amqp(channel)["bindingVersion"] == "0.3.0"
    assert all(last(message) == key for key, message in channel["messages"].items())
    braces = set(re.findall(r"{(\w+)}", "".join(place(channel))))
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
