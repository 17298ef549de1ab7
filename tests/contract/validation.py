"""JSON Schema as its specification has it, and the messages' schemas as they are on disk."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from dev.schemas import FOLDER
from rollcast.messages import MESSAGES
from rollcast.messages.base import VERSION

VECTORS = FOLDER / "vectors"
INVALID = VECTORS / "invalid"
NAMES = sorted(kind.__name__ for kind in MESSAGES.values())


def _pattern(validator: Any, pattern: str, instance: object, schema: Any) -> Iterator[ValidationError]:
    # JSON Schema means ECMA-262's `$`, which is the end alone; Python's also stands before a last newline.
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


Dialect: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern}
)


@cache
def schema_of(name: str) -> Draft202012Validator:
    """The validator of the message called `name`."""
    text = (FOLDER / "messages" / f"{name}.v{VERSION}.schema.json").read_text()
    return Dialect(json.loads(text))


def filled(fields: Any, schema: Any, root: Any) -> Any:
    """The fields with the schema's defaults where they are absent, in the schema's order."""
    if "$ref" in schema:
        return filled(fields, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema and fields is not None:
        return filled(fields, schema["anyOf"][0], root)
    if isinstance(fields, list) and isinstance(schema.get("items"), dict):
        return [filled(item, schema["items"], root) for item in fields]
    if isinstance(fields, dict):
        return {
            name: filled(fields[name], part, root) if name in fields else part["default"]
            for name, part in schema["properties"].items()
        }
    return fields
