"""The JSON Schema of each message: one file that needs no other, for readers in any language."""

import inspect
from typing import Any

import msgspec
from msgspec import NODEFAULT

from rollcast.addresses import END
from rollcast.messages import Message
from rollcast.messages.base import VERSION, tag_of
from rollcast.messages.values import Digest, Index, TransferId

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class ChunkHeaders(msgspec.Struct, kw_only=True):
    """The headers of a chunk. Its body is the raw bytes of the file from `index` times the chunk size on;
    all chunks but the last have the chunk size."""

    transfer: TransferId
    index: Index
    blake3: Digest


def file_name(kind: type[Message]) -> str:
    """The file of a message's schema."""
    return f"{kind.__name__}.v{VERSION}.schema.json"


def of_message(kind: type[Message]) -> Schema:
    """The schema of a message, as it stands when the msgpack map is read as JSON."""
    body = _of_struct(kind, f"urn:rollcast:message:{kind.__name__}:{VERSION}")
    body["properties"]["type"] = {"const": tag_of(kind)}
    return body


def chunk_headers() -> Schema:
    """The schema of a chunk's headers."""
    return _of_struct(ChunkHeaders, f"urn:rollcast:chunk-headers:{VERSION}")


def _of_struct(kind: type[msgspec.Struct], identifier: str) -> Schema:
    _, parts = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    for struct in _structs(kind):
        _complete_defaults(struct, parts[struct.__name__])
    tidy = {name: _tidied(part) for name, part in parts.items()}
    body = tidy.pop(kind.__name__)
    return {"$schema": DIALECT, "$id": identifier, **body, **({"$defs": tidy} if tidy else {})}


def _structs(kind: type[msgspec.Struct]) -> set[type[msgspec.Struct]]:
    found: set[type[msgspec.Struct]] = set()
    waiting: list[object] = [msgspec.inspect.type_info(kind)]
    while waiting:
        match waiting.pop():
            case msgspec.inspect.StructType(cls=struct, fields=fields) if struct not in found:
                found.add(struct)
                waiting.extend(field.type for field in fields)
            case msgspec.inspect.UnionType(types=types):
                waiting.extend(types)
            case msgspec.inspect.ListType(item_type=inner) | msgspec.inspect.Metadata(type=inner):
                waiting.append(inner)
    return found


def _complete_defaults(struct: type[msgspec.Struct], schema: Schema) -> None:
    """msgspec leaves out those defaults, and those parts of defaults, that a function makes."""
    for field in msgspec.structs.fields(struct):
        default = field.default if field.default_factory is NODEFAULT else field.default_factory()
        if default is not NODEFAULT:
            schema["properties"][field.encode_name]["default"] = msgspec.to_builtins(default)


def _tidied(value: Any) -> Any:
    if isinstance(value, list):
        return [_tidied(item) for item in value]
    if not isinstance(value, dict):
        return value
    tidy = {key: item if key == "default" else _tidied(item) for key, item in value.items()}
    if tidy.get("required") == []:
        del tidy["required"]
    if isinstance(tidy.get("description"), str):
        tidy["description"] = " ".join(inspect.cleandoc(tidy["description"]).split())
    if isinstance(tidy.get("pattern"), str):
        # In ECMA-262, the dialect of JSON Schema, `$` is the end alone; some engines know no look-ahead.
        tidy["pattern"] = tidy["pattern"].replace(END, "$")
    if "properties" in tidy:
        tidy["additionalProperties"] = True
    return tidy
