"""The demo's documents as text. Nothing here knows more than the document that it is given."""

from collections.abc import Iterable

from dev.demo.commands import Document
from rollcast.cli import output
from rollcast.cli.report_text import table
from rollcast.sizes import size_text

NAMES_WIDTH = 14
LAST_STEP_OF_ROLL_CALL = "s270"


def title(text: str) -> None:
    """The head of a scene."""
    output.emit("", text)


def say(lines: Iterable[str]) -> None:
    """Lines of a scene."""
    output.emit(*(f"  {line}" for line in lines))


def event_line(address: str, event: Document) -> str:
    """What has happened at a receiver, from a line of `receive --json`."""
    return f"{address:{NAMES_WIDTH}}{event['event']:10}{_details(event)}".rstrip()


def list_lines(report: Document) -> list[str]:
    """The new receiver list, and why the others are not on it, from `status --json`."""
    listed = [row["address"] for row in report["receivers"] if _is_listed(row)]
    others = [_row(row) for row in report["receivers"] if not _is_listed(row)]
    return [
        f"version {report['list_version']}, policy {report['list_policy']}: {' '.join(listed) or 'nobody'}",
        *(["not on it:", *table(others, indent="  ")] if others else []),
    ]


def report_lines(report: Document) -> list[str]:
    """Who has the file, who has not and why, from the document that `send --json` ends with."""
    rows = report["receivers"]
    timings = ", ".join(f"{name[:-2].replace('_', ' ')} {seconds} s" for name, seconds in _timings(report))
    return [
        f"transfer {report['transfer_id']} from {report['sender']}: {report['state']}",
        f"{_file(report)}: {len(holders(report))} of {len(rows)} have it; {timings}",
        *table([_row(row) for row in rows], indent="  "),
    ]


def holders(report: Document) -> list[str]:
    """The addresses of those who have the file."""
    return [row["address"] for row in report["receivers"] if row["delivered_at"] is not None]


def check_line(report: Document) -> str:
    """Whose files were compared, and by what."""
    return f"blake3 {report['file']['hash']['blake3']}: {' '.join(holders(report))}"


def error_lines(error: Document) -> list[str]:
    """Why nothing was sent."""
    return [f"{error['code']}: {error['message']}", *filter(None, [error["hint"]])]


def _details(event: Document) -> str:
    match event["event"]:
        case "asked":
            return f"{_file(event)}, from {event['sender']}"
        case "answered":
            return "accepts" if event["accept"] else "declines"
        case "stored":
            return f"{size_text(event['bytes'])} of {size_text(event['size'])}"
        case "delivered":
            return str(event["path"])
        case "failed" | "answer_refused":
            return str(event["detail"])
        case "ended":
            return " ".join(filter(None, [event["state"], event["reason"]]))
    return ""


def _is_listed(row: Document) -> bool:
    return row["reason"] is None or row["step"] > LAST_STEP_OF_ROLL_CALL


def _row(row: Document) -> tuple[str, ...]:
    if row["reason"] is None:
        told = f"{row['bytes']} bytes as {row['stored_as']}, {row['delivered_at']}"
    else:
        told = f"{row['reason']}: {row['detail']}"
    return row["address"], row["disposition"], row["step"], told


def _timings(report: Document) -> list[tuple[str, float]]:
    return [(name, round(seconds, 2)) for name, seconds in report["timings"].items() if seconds is not None]


def _file(document: Document) -> str:
    return f"{document['file']['name']}, {size_text(document['file']['size'])}"
