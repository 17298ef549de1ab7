"""Tells of parked messages and settles them: what `rollcast parked` does."""

import json as json_module
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from rollcast.cli import access, output
from rollcast.cli.exits import Exit, UsageError
from rollcast.cli.report_text import table
from rollcast.cli.texts import plural, time_text
from rollcast.errors import RequestRefused
from rollcast.messages.values import PARKED_ID_PATTERN, ParkedMessage
from rollcast.parked import ParkedListing
from rollcast.reasons import REASONS, Code
from rollcast.report import instant
from rollcast.sizes import size_text

_SETTLED = {"replay": "replayed", "drop": "dropped"}


async def list_all(*, json: bool) -> int:
    """Print the oldest parked messages. Returns the exit status."""
    async with access.operator() as operator:
        listing = await operator.parked.list()
    if json:
        output.emit_document(_listing_json(listing))
    elif listing.messages:
        output.emit(*listing_lines(listing.messages))
    if listing.more and not json:
        output.say("There are more; these are the oldest ones.")
    elif not listing.messages and not json:
        # Not for whoever reads the ids out of standard output.
        output.say("no messages are parked")
    return Exit.DONE


async def show(message_id: str, *, json: bool) -> int:
    """Print one message. Returns the exit status."""
    _check([message_id])
    async with access.operator() as operator:
        message = await operator.parked.show(message_id)
    if json:
        output.emit_document(message_json(message) | {"text": message.text})
    else:
        output.emit(*message_lines(message))
    return Exit.DONE


async def settle(action: Literal["replay", "drop"], ids: Sequence[str]) -> int:
    """Replay or drop messages. Returns the exit status."""
    _check(ids)
    async with access.operator() as operator:
        outcomes = await (operator.parked.replay if action == "replay" else operator.parked.drop)(ids)
    for message_id, why_not in outcomes.items():
        if why_not is None:
            output.emit(f"{_SETTLED[action]} {message_id}")
        else:
            output.fail(_refusal(message_id, why_not), as_json=False)
    return Exit.REFUSED if any(outcomes.values()) else Exit.DONE


def listing_lines(messages: Iterable[ParkedMessage]) -> list[str]:
    """A line for each message, its id first."""
    return table([_row(message) for message in messages])


def message_lines(message: ParkedMessage) -> list[str]:
    """All that is known of a message, and the message itself."""
    known = (
        ("id", message.id),
        ("parked", _time(message)),
        ("step", message.step),
        ("reason", message.reason),
        ("detail", message.detail),
        ("attempts", str(message.attempts)),
        ("message", message.message),
        ("transfer", message.transfer_id),
        ("from", message.origin or "nobody who is known"),
        ("size", size_text(message.size)),
    )
    return [*table([(name, value) for name, value in known if value]), "", *_text_lines(message.text or "")]


def message_json(message: ParkedMessage) -> dict[str, Any]:
    """The document of a message, without its text; instants in UTC."""
    document = msgspec.structs.asdict(message)
    del document["text"]
    at = message.parked_at
    return document | {"parked_at": None if at is None else instant(at)}


def _listing_json(listing: ParkedListing) -> dict[str, Any]:
    return {"messages": [message_json(message) for message in listing.messages], "more": listing.more}


def _row(message: ParkedMessage) -> tuple[str, ...]:
    cells = (_time(message), message.step, message.reason, message.message, message.transfer_id)
    tried = plural(message.attempts, "attempt")
    return message.id, *(cell or "-" for cell in (*cells, message.origin)), tried


def _time(message: ParkedMessage) -> str | None:
    return None if message.parked_at is None else time_text(message.parked_at)


def _text_lines(text: str) -> list[str]:
    """JSON set out in lines; bytes in hex, and what was cut off, as they are."""
    if not text.startswith("{"):
        return [text]
    try:
        text = json_module.dumps(json_module.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return [text]
    return text.split("\n")


def _check(ids: Sequence[str]) -> None:
    for message_id in ids:
        if not re.match(PARKED_ID_PATTERN, message_id):
            raise UsageError(
                f"{message_id[:80]!r} is not the id of a parked message",
                hint="It is 16 hexadecimal digits in lower case; see `rollcast parked list`.",
            )


def _refusal(message_id: str, code: Code) -> RequestRefused:
    return RequestRefused(f"{message_id}: {REASONS[code].sentence}", hint=REASONS[code].hint, code=code)
