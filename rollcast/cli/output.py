"""Standard output and standard error. A reader that has left is no error; nothing obeys a stranger's characters."""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from io import TextIOWrapper
from typing import Any, TextIO

from rollcast.cli.texts import visible
from rollcast.errors import FileUnusable, RollcastError


def prepare() -> None:
    """Let no character fail, whatever the locale can show."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def emit(*lines: str) -> bool:
    """Lines for standard output. Returns whether anybody still reads them."""
    return _write(sys.stdout, "\n".join(map(visible, lines)))


def emit_document(document: Mapping[str, Any]) -> bool:
    """A JSON document on a line of standard output. Returns whether anybody still reads it."""
    return _write(sys.stdout, json.dumps(document))


def say(*lines: str) -> None:
    """Lines for standard error. Where nothing can be written they are lost, and what goes on goes on."""
    with suppress(FileUnusable):
        _write(sys.stderr, "\n".join(map(visible, lines)))


def fail(error: RollcastError, *, as_json: bool) -> None:
    """Tell of an error: a sentence on standard error, and if wanted a document on standard output."""
    hint = _continued(error.hint)
    say(f"rollcast: {error}; {hint}" if hint else f"rollcast: {error}")
    if as_json:
        _emit_error({"code": str(error.code), "message": str(error), "hint": error.hint})


def _emit_error(error: Mapping[str, str]) -> None:
    try:
        emit_document({"error": error})
    except FileUnusable as unwritable:
        say(f"rollcast: {unwritable}")


def _write(stream: TextIO | None, text: str) -> bool:
    # Python has none where the process was started with a closed one, and `print` would take the other.
    if stream is None:
        return True
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        _discard(stream)
        return False
    except OSError as error:
        _discard(stream)
        raise FileUnusable(f"cannot write to {stream.name}: {error.strerror}") from error
    return True


def _discard(stream: TextIO) -> None:
    """Send what is still in the buffer, and all that follows, nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _continued(hint: str) -> str:
    """A hint as the second half of a sentence: `Check …` becomes `check …`, `ROLLCAST_HOME …` stays."""
    return hint[:1].lower() + hint[1:] if hint.split(" ")[0][1:].islower() else hint
