"""Each vector means the same to the code, to its JSON and to the schema."""

import json
from pathlib import Path

import msgpack
import msgspec
import pytest

from dev.schemas.samples import optional_paths
from rollcast import codec
from rollcast.errors import InvalidMessage
from rollcast.messages import MESSAGES
from tests.contract.validation import INVALID, NAMES, VECTORS, filled, schema_of

VALID = sorted(VECTORS.glob("*.json"))
REFUSED = sorted(INVALID.glob("*.json"))
UNREADABLE = sorted(path for path in INVALID.glob("*.msgpack") if not path.with_suffix(".json").exists())


def _name(path: Path) -> str:
    return path.name.partition(".")[0]


def _bytes(path: Path) -> bytes:
    return path.with_suffix(".msgpack").read_bytes()


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_vector_is_what_its_json_says(path: Path) -> None:
    """The same fields in JSON and msgpack; packed again, the same bytes."""
    fields = json.loads(path.read_text())
    assert msgpack.unpackb(_bytes(path)) == fields
    assert msgpack.packb(fields) == _bytes(path)


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_vector_satisfies_code_and_schema(path: Path) -> None:
    """The code reads it, and writes it with the schema's defaults where it was silent: byte for byte."""
    fields = json.loads(path.read_text())
    validator = schema_of(_name(path))
    validator.validate(fields)
    message = codec.decode(_bytes(path))
    assert type(message) is MESSAGES[fields["type"]]
    assert codec.encode(message) == msgpack.packb(filled(fields, validator.schema, validator.schema))
    assert codec.decode(codec.encode(message)) == message


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_vector_without_one_of_its_required_fields_is_refused(path: Path) -> None:
    """Code and schema require the same."""
    fields = json.loads(path.read_text())
    validator = schema_of(_name(path))
    for absent in fields:
        rest = {name: value for name, value in fields.items() if name != absent}
        assert validator.is_valid(rest) == _is_read(rest), absent


def _is_read(fields: dict[str, object]) -> bool:
    try:
        codec.decode(msgpack.packb(fields))
    except InvalidMessage:
        return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_every_optional_field_is_absent_in_one_vector_and_present_in_another(name: str) -> None:
    """At any depth; and a vector called after a field has that field and no other optional one."""
    kind = MESSAGES[f"{name}/1"]
    seen = {
        path.name.removesuffix(".json"): json.loads(path.read_text()) for path in VALID if _name(path) == name
    }
    present = set().union(*(_paths_in(fields) for fields in seen.values()))
    assert optional_paths(kind) <= present
    optional = {field.encode_name for field in msgspec.structs.fields(kind) if not field.required}
    assert not optional & seen[f"{name}.v1"].keys()
    for field in optional:
        assert optional & seen[f"{name}.v1.{field}"].keys() == {field}
    assert seen.keys() - {f"{name}.v1", f"{name}.v1.full"} == {f"{name}.v1.{field}" for field in optional}


def _paths_in(value: object) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_paths_in, value))
    if isinstance(value, dict):
        below = {f"{name}.{path}" for name, item in value.items() for path in _paths_in(item)}
        return below | set(value)
    return set()


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_an_invalid_vector_is_refused_by_code_and_schema(path: Path) -> None:
    """Neither is laxer than the other."""
    fields = json.loads(path.read_text())
    assert msgpack.unpackb(_bytes(path)) == fields
    assert not schema_of(_name(path)).is_valid(fields)
    with pytest.raises(InvalidMessage):
        codec.decode(_bytes(path))


@pytest.mark.parametrize("path", UNREADABLE, ids=lambda path: path.stem)
def test_what_is_no_msgpack_map_is_refused(path: Path) -> None:
    """Whatever the bytes are, the error is the one that callers expect."""
    with pytest.raises(InvalidMessage):
        codec.decode(path.read_bytes())


def test_no_vector_is_without_its_pair() -> None:
    """Each JSON has its bytes, each valid vector's bytes have their JSON, each message has vectors."""
    assert {path.stem for path in VALID} == {path.stem for path in VECTORS.glob("*.msgpack")}
    assert {path.stem for path in REFUSED} <= {path.stem for path in INVALID.glob("*.msgpack")}
    assert {_name(path) for path in VALID} == set(NAMES)
    assert REFUSED
    assert UNREADABLE
