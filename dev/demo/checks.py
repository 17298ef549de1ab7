"""Whether the demo came out as it must: the report against the roles, and the files on disk against the source."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from dev.demo.commands import Document
from dev.demo.roles import RECEIVERS, SENDER, Role
from rollcast.cli.exits import Exit
from rollcast.states import Receiver, Transfer


@dataclass(frozen=True)
class Outcome:
    """How a sending ended: the exit status and the document of `send`, and where receivers say the file is."""

    file: Path
    status: int
    report: Document
    delivered: Mapping[str, Path]


def faults(outcome: Outcome) -> list[str]:
    """All that is not as it must be, a sentence each."""
    digest = digest_of(outcome.file)
    return [
        *_differences("the transfer", _transfer(outcome), _expected_transfer(outcome.file, digest)),
        *_differences("the receivers", _receivers(outcome), [_expected(role, outcome) for role in RECEIVERS]),
        *_differences("who has a file", sorted(outcome.delivered), sorted(_receiving())),
        *(fault for path in outcome.delivered.values() for fault in check_received(path, digest)),
    ]


def check_received(received: Path, digest: str) -> Iterator[str]:
    """What is wrong with a received file, by what is on disk."""
    found = digest_of(received) if received.is_file() else "no file"
    if found != digest:
        yield f"{received} is not the file that was sent: {found} instead of {digest}"


def digest_of(file: Path) -> str:
    """The BLAKE3 digest of a file, in hex."""
    with file.open("rb") as content:
        hasher = blake3()
        while piece := content.read(1 << 20):
            hasher.update(piece)
        return hasher.hexdigest()


def _receiving() -> list[str]:
    return [role.address for role in RECEIVERS if role.end is Receiver.DELIVERED]


def _transfer(outcome: Outcome) -> Document:
    report = outcome.report
    return {
        "exit status": outcome.status,
        **{key: report[key] for key in ("state", "sender", "list_version", "reason")},
        **{key: report["file"][key] for key in ("name", "size")},
        "blake3": report["file"]["hash"]["blake3"],
    }


def _expected_transfer(file: Path, digest: str) -> Document:
    return {
        "exit status": Exit.INCOMPLETE,
        "state": Transfer.PARTIAL,
        "sender": SENDER,
        "list_version": 1,
        "reason": None,
        "name": file.name,
        "size": file.stat().st_size,
        "blake3": digest,
    }


def _receivers(outcome: Outcome) -> list[Document]:
    keys = ("address", "disposition", "step", "reason", "bytes", "stored_as")
    return [
        {key: row[key] for key in keys} | {"has a receipt": row["delivered_at"] is not None}
        for row in outcome.report["receivers"]
    ]


def _expected(role: Role, outcome: Outcome) -> Document:
    has_it = role.end is Receiver.DELIVERED
    return {
        "address": role.address,
        "disposition": role.end,
        "step": role.found_at,
        "reason": role.reason,
        "bytes": outcome.file.stat().st_size if has_it else 0,
        "stored_as": outcome.file.name if has_it else None,
        "has a receipt": has_it,
    }


def _differences(what: str, found: object, expected: object) -> list[str]:
    return [] if found == expected else [f"{what}: {found} is not what was expected: {expected}"]
