"""What every message is: a msgpack map with a `type` such as `ConsentAsked/1`."""

import msgspec

VERSION = 1


class Message(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=lambda name: f"{name}/{VERSION}"
):
    """A message. Within a version fields are only added, with defaults; unknown fields are ignored."""


def tag_of(message_type: type[Message]) -> str:
    """The `type` field of a message type."""
    return str(message_type.__struct_config__.tag)
