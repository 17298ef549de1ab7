"""Hypothesis strategies for messages, read off their types."""

import re
from typing import Any

from hypothesis import strategies as st
from msgspec import inspect

from rollcast.addresses import END
from rollcast.messages import Message

MANY = 4
"""The most items of a list that are tried; that 500 and 501 differ, the invalid vectors tell."""


def _of_type(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.Metadata(type=inner):
            return _of_type(inner)
        case inspect.StructType(cls=struct, fields=fields):
            return st.builds(struct, **{field.name: _of_type(field.type) for field in fields})
        case inspect.UnionType(types=types):
            return st.one_of(*map(_of_type, types))
        case inspect.ListType(item_type=item, max_length=most):
            return st.lists(_of_type(item), max_size=min(most or MANY, MANY))
        case inspect.TupleType(item_types=items):
            return st.tuples(*map(_of_type, items)).map(tuple)
        case inspect.EnumType(cls=members):
            return st.sampled_from(list(members))
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.IntType(ge=least, le=most):
            return st.integers(least, most)
        case inspect.StrType():
            return _text(kind)
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
    raise AssertionError(f"no strategy for {kind}")


def _text(kind: inspect.StrType) -> st.SearchStrategy[str]:
    if kind.pattern is None:
        return st.text(max_size=min(kind.max_length or 40, 40))
    text = st.from_regex(re.compile(kind.pattern.replace(END, r"\Z"), re.ASCII))
    return text.filter(lambda made: kind.max_length is None or len(made) <= kind.max_length)


def messages(kind: type[Message]) -> st.SearchStrategy[Message]:
    """Valid messages of a type."""
    made: st.SearchStrategy[Message] = _of_type(inspect.type_info(kind))
    return made
