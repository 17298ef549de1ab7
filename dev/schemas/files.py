"""All files of the contract that are made from the code, by their path under `schemas/`."""

import json
from pathlib import Path

from dev.schemas import asyncapi, json_schema, samples, vectors
from rollcast.messages import MESSAGES

HAND_WRITTEN = {"README.md"}


def generated() -> dict[str, bytes]:
    """The contents of every generated file."""
    made = {
        "asyncapi.yaml": asyncapi.document(),
        "chunk-headers.v1.schema.json": _json(json_schema.chunk_headers()),
    }
    for kind in MESSAGES.values():
        made[f"messages/{json_schema.file_name(kind)}"] = _json(json_schema.of_message(kind))
        for name, fields in samples.valid(kind).items():
            made[f"vectors/{name}.json"] = _json(fields)
            made[f"vectors/{name}.msgpack"] = vectors.pack(fields)
    for name, fields in vectors.invalid().items():
        made[f"vectors/invalid/{name}.json"] = _json(fields)
        made[f"vectors/invalid/{name}.msgpack"] = vectors.pack(fields)
    made["vectors/chunk/headers.json"] = _json(vectors.CHUNK.headers())
    made["vectors/chunk/body"] = vectors.CHUNK_BODY
    for name, body in vectors.UNREADABLE.items():
        made[f"vectors/invalid/{name}.msgpack"] = body
    return made


def present(folder: Path) -> dict[str, bytes]:
    """What is there, but for what is written by hand."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name not in HAND_WRITTEN}


def differences(folder: Path) -> list[str]:
    """A line for each file that is missing, surplus or different."""
    wanted, there = generated(), present(folder)
    return sorted(
        [f"missing: {name}" for name in wanted.keys() - there.keys()]
        + [f"surplus: {name}" for name in there.keys() - wanted.keys()]
        + [f"differs: {name}" for name in wanted.keys() & there.keys() if wanted[name] != there[name]]
    )


def write(folder: Path) -> None:
    """Make the folder what the code says."""
    wanted = generated()
    for name in present(folder).keys() - wanted.keys():
        (folder / name).unlink()
    for name, contents in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
