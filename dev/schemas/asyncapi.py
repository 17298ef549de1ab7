"""The AsyncAPI 3.0 document: the topology table with words to it."""

from typing import Any

import yaml

from dev.schemas import channels, operations, texts
from dev.schemas.json_schema import DIALECT, file_name
from rollcast import chunks
from rollcast.codec import CONTENT_TYPE
from rollcast.messages import MESSAGES, Message
from rollcast.messages.base import VERSION

Node = dict[str, Any]
JSON_SCHEMA = (
    f"application/schema+json;version=draft-{DIALECT.rpartition('draft/')[2].removesuffix('/schema')}"
)


def document() -> bytes:
    """The text of `asyncapi.yaml`."""
    return str(
        yaml.dump(_document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    ).encode()


def _document() -> Node:
    return {
        "asyncapi": "3.0.0",
        "info": {"title": texts.TITLE, "version": f"{VERSION}.0.0", "description": texts.INFO},
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "broker": {
                "host": "{host}:5672",
                "protocol": "amqp",
                "protocolVersion": "0.9.1",
                "description": texts.SERVER,
                "variables": {"host": {"description": "Where the broker is."}},
                "security": [{"$ref": "#/components/securitySchemes/account"}],
            }
        },
        "channels": channels.all_channels(),
        "operations": operations.all_operations(),
        "components": {
            "securitySchemes": {"account": {"type": "userPassword", "description": texts.SASL}},
            "parameters": {name: {"description": text} for name, text in texts.PARAMETERS.items()},
            "messages": {channels.CHUNK: _chunk(), **{m.__name__: _message(m) for m in MESSAGES.values()}},
        },
    }


def _message(kind: type[Message]) -> Node:
    return {
        "name": kind.__name__,
        "summary": " ".join((kind.__doc__ or "").split()),
        "contentType": CONTENT_TYPE,
        "payload": {
            "schemaFormat": JSON_SCHEMA,
            "schema": {"$ref": f"./messages/{file_name(kind)}"},
        },
    }


def _chunk() -> Node:
    return {
        "name": channels.CHUNK,
        "summary": texts.CHUNK,
        "contentType": chunks.CONTENT_TYPE,
        "headers": {
            "schemaFormat": JSON_SCHEMA,
            "schema": {"$ref": f"./chunk-headers.v{VERSION}.schema.json"},
        },
        "payload": {"type": "string", "format": "binary"},
    }


class _Dumper(yaml.SafeDumper):
    """Writes equal parts out instead of pointing to the first, and longer texts as blocks."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
