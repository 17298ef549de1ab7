"""The files under `schemas/` are what the code says."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from dev.schemas import FOLDER, __main__, files
from dev.schemas.json_schema import file_name
from rollcast.messages import MESSAGES
from tests.contract.validation import NAMES, schema_of

SCHEMAS = sorted(FOLDER.rglob("*.schema.json"))


def test_nothing_is_missing_surplus_or_different() -> None:
    """`python -m dev.schemas` would change nothing."""
    assert files.differences(FOLDER) == []


def test_check_names_what_differs(tmp_path: Path) -> None:
    """A missing, a surplus and a changed file are each told by name."""
    files.write(tmp_path)
    (tmp_path / "asyncapi.yaml").unlink()
    (tmp_path / "messages" / "Surplus.v1.schema.json").write_text("{}")
    (tmp_path / "chunk-headers.v1.schema.json").write_text("{}")
    assert files.differences(tmp_path) == [
        "differs: chunk-headers.v1.schema.json",
        "missing: asyncapi.yaml",
        "surplus: messages/Surplus.v1.schema.json",
    ]
    files.write(tmp_path)
    assert files.differences(tmp_path) == []


def test_check_exits_with_its_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` is for CI: it succeeds now, and refuses other words."""
    assert __main__.main(["--check"]) == 0
    assert __main__.main(["--chekc"]) == 2
    assert "usage" in capsys.readouterr().err


def test_each_message_has_a_schema_and_each_schema_a_message() -> None:
    """One file per message type, both ways."""
    on_disk = {path.name for path in (FOLDER / "messages").iterdir()}
    assert on_disk == {file_name(kind) for kind in MESSAGES.values()}


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_schema_is_valid_standalone_and_described(path: Path) -> None:
    """Valid JSON Schema 2020-12, with a description, no reference to another file, and no look-around."""
    schema = json.loads(path.read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert all(part["description"] for part in (schema, *schema.get("$defs", {}).values()))
    text = json.dumps(schema)
    assert "(?" not in text
    assert text.count('"$ref": ') == text.count('"$ref": "#/$defs/')


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_names_its_message_and_lets_unknown_fields_pass(name: str) -> None:
    """The tag is fixed and required; whatever else is there does not matter."""
    schema = schema_of(name).schema
    assert isinstance(schema, dict)
    assert schema["properties"]["type"] == {"const": f"{name}/1"}
    assert "type" in schema["required"]
    assert schema["additionalProperties"] is True
