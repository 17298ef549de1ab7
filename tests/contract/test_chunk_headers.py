"""A chunk carries the headers that its schema says."""

import json

import msgspec

from dev.schemas import FOLDER
from dev.schemas.json_schema import ChunkHeaders
from rollcast import chunks
from tests.contract.validation import VECTORS, Dialect

SCHEMA = json.loads((FOLDER / "chunk-headers.v1.schema.json").read_text())
HEADERS = json.loads((VECTORS / "chunk" / "headers.json").read_text())
BODY = (VECTORS / "chunk" / "body").read_bytes()


def test_the_code_writes_and_reads_what_the_schema_says() -> None:
    """Same names, same types, both ways."""
    Dialect(SCHEMA).validate(HEADERS)
    label = chunks.label_of(HEADERS)
    assert label == chunks.Label(HEADERS["transfer"], HEADERS["index"], chunks.digest_of(BODY))
    assert label.headers() == HEADERS
    assert (
        HEADERS.keys()
        == SCHEMA["properties"].keys()
        == {f.name for f in msgspec.structs.fields(ChunkHeaders)}
    )


def test_what_lacks_a_header_is_no_chunk() -> None:
    """Code and schema require the same."""
    for absent in HEADERS:
        rest = {name: value for name, value in HEADERS.items() if name != absent}
        assert chunks.label_of(rest) is None
        assert not Dialect(SCHEMA).is_valid(rest)
