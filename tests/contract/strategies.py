"""Hypothesis strategies for messages, read off their types."""

import re
import string
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st
from msgspec import inspect

from rollcast.addresses import ADDRESS_PATTERN, DOMAIN_PATTERN, END
from rollcast.messages import Message

MANY = 4
"""The most items of a list that are tried; that 500 and 501 differ, the invalid vectors tell."""
# Hypothesis draws a pattern letter by letter, which took most of the time of all these tests.
HEX = re.compile(r"\^\[0-9a-f\]\{(\d+)\}")


LETTERS = string.ascii_lowercase + string.digits
LABELS = st.binary(min_size=1, max_size=63).map(
    lambda drawn: LETTERS[drawn[0] % 36] + "".join((LETTERS + "-")[one % 37] for one in drawn[1:])
)


class Known(NamedTuple):
    """Values that mean something where the messages go: strings by the pattern of their type, and numbers."""

    texts: Mapping[str | None, Sequence[str]] = {}
    numbers: Sequence[int] = ()


def _of_type(kind: inspect.Type, known: Known) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.Metadata(type=inner):
            return _of_type(inner, known)
        case inspect.StructType(cls=struct, fields=fields):
            return st.builds(struct, **{field.name: _of_type(field.type, known) for field in fields})
        case inspect.UnionType(types=types):
            return st.one_of(*(_of_type(one, known) for one in types))
        case inspect.ListType(item_type=item, max_length=most):
            return st.lists(_of_type(item, known), max_size=min(most or MANY, MANY))
        case inspect.TupleType(item_types=items):
            return st.tuples(*(_of_type(item, known) for item in items)).map(tuple)
        case inspect.EnumType(cls=members):
            return st.sampled_from(list(members))
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.IntType():
            return _number(kind, known.numbers)
        case inspect.FloatType(ge=least, le=most):
            return st.floats(least, most)
        case inspect.StrType(pattern=pattern):
            return _often(known.texts.get(pattern, ()), _text(kind))
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
    raise AssertionError(f"no strategy for {kind}")


def _number(kind: inspect.IntType, known: Sequence[int]) -> st.SearchStrategy[int]:
    numbers = st.integers(kind.ge, kind.le)
    fitting = [n for n in known if (kind.ge is None or n >= kind.ge) and (kind.le is None or n <= kind.le)]
    return _often(fitting, numbers)


def _often(known: Sequence[Any], other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(*[st.sampled_from(known)] * 3, other) if known else other


def _text(kind: inspect.StrType) -> st.SearchStrategy[str]:
    if kind.pattern is None:
        return st.text(max_size=min(kind.max_length or 40, 40))
    if digits := HEX.fullmatch(kind.pattern.removesuffix(END)):
        size = int(digits[1]) // 2
        return st.binary(min_size=size, max_size=size).map(bytes.hex)
    if kind.pattern in {DOMAIN_PATTERN, ADDRESS_PATTERN}:
        return LABELS if kind.pattern == DOMAIN_PATTERN else st.tuples(LABELS, LABELS).map("@".join)
    text = st.from_regex(re.compile(kind.pattern.replace(END, r"\Z"), re.ASCII))
    return text.filter(lambda made: kind.max_length is None or len(made) <= kind.max_length)


NOTHING_KNOWN = Known()


def messages(kind: type[Message], known: Known = NOTHING_KNOWN) -> st.SearchStrategy[Message]:
    """Valid messages of a type, often with known values in them."""
    made: st.SearchStrategy[Message] = _of_type(inspect.type_info(kind), known)
    return made
