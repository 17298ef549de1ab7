"""A sample of each message: with its required fields only, with each optional one, and with all of them."""

from typing import Any

import msgspec
from msgspec import inspect

from dev.schemas.examples import EXAMPLES
from rollcast.messages import Message
from rollcast.messages.base import VERSION, tag_of

Fields = dict[str, Any]


def valid(kind: type[Message]) -> dict[str, Fields]:
    """The valid vectors of a message by their name, such as `Query.v1` and `Query.v1.after`."""
    name = f"{kind.__name__}.v{VERSION}"
    optional = [field.encode_name for field in _info(kind).fields if not field.required]
    made = {name: minimal(kind)}
    for field in optional:
        made[f"{name}.{field}"] = _message(kind, {field}, whole=False)
    everything = _message(kind, set(optional), whole=True)
    if everything not in made.values():
        made[f"{name}.full"] = everything
    return made


def minimal(kind: type[Message]) -> Fields:
    """A message with its required fields only."""
    return _message(kind, set(), whole=False)


def optional_paths(kind: type[msgspec.Struct]) -> set[str]:
    """The optional fields of a message at any depth, such as `capabilities.free_space`."""
    return {
        path
        for field in _info(kind).fields
        for path in _paths(field.encode_name, field.type, optional=not field.required)
    }


def _paths(name: str, kind: inspect.Type, *, optional: bool) -> set[str]:
    struct = _struct_in(kind)
    below = {f"{name}.{path}" for path in optional_paths(struct)} if struct else set()
    return below | ({name} if optional else set())


def _message(kind: type[Message], optional: set[str], *, whole: bool) -> Fields:
    return {"type": tag_of(kind), **_fields(kind, optional, whole=whole)}


def _fields(kind: type[msgspec.Struct], optional: set[str], *, whole: bool) -> Fields:
    return {
        field.encode_name: _value(kind, field, whole=whole or field.encode_name in optional)
        for field in _info(kind).fields
        if field.required or field.encode_name in optional
    }


def _value(owner: type[msgspec.Struct], field: inspect.Field, *, whole: bool) -> Any:
    struct = _struct_in(field.type)
    if struct is None:
        name = field.encode_name
        own = f"{owner.__name__}.{name}"
        return EXAMPLES[own] if own in EXAMPLES else EXAMPLES[name]
    inner = {part.encode_name for part in _info(struct).fields if whole}
    made = _fields(struct, inner, whole=whole)
    return [made] if isinstance(field.type, inspect.ListType) else made


def _struct_in(kind: inspect.Type) -> type[msgspec.Struct] | None:
    match kind:
        case inspect.StructType(cls=struct):
            return struct
        case inspect.ListType(item_type=inner) | inspect.Metadata(type=inner):
            return _struct_in(inner)
        case inspect.UnionType(types=types):
            return next(filter(None, map(_struct_in, types)), None)
    return None


def _info(kind: type[msgspec.Struct]) -> inspect.StructType:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return info
