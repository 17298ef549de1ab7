"""What errors of libraries say to people."""

import asyncio
import errno

import pytest
from aiormq.exceptions import AMQPConnectionError, ConnectionClosed, ConnectionNotAllowed, InvalidFrameError
from pamqp import commands

from rollcast.broker import farewells
from rollcast.broker.words import because


def at_the_end_of_the_stream() -> AMQPConnectionError:
    """As `aiormq` tells that there is nothing more to read."""
    error = AMQPConnectionError("Server connection unexpectedly closed. Read 0 bytes but 1 bytes expected")
    error.__cause__ = asyncio.IncompleteReadError(b"", 1)
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (None, "lost"),
        (TimeoutError(), "lost"),
        (asyncio.IncompleteReadError(b"", 1), "lost"),
        (at_the_end_of_the_stream(), "lost"),
        (RuntimeError('<Connection: "amqp://x" at 0x7f8c00> closed'), "lost"),
        (InvalidFrameError("Expected one of ['x'], got <Connection.Close object at 0x7f>"), "lost"),
        (ConnectionClosed(320, "CONNECTION_FORCED - bye."), "lost: CONNECTION_FORCED - bye"),
        (ConnectionNotAllowed("NOT_ALLOWED - no"), "lost: NOT_ALLOWED - no"),
        (OSError(errno.ECONNREFUSED, "Connect call failed ('::1', 1, 0, 0)"), "lost: Connection refused"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed"), "lost: Connection refused"),
        (ConnectionError("the channel was closed"), "lost: the channel was closed"),
    ],
)
def test_a_reason_is_told_if_it_is_one(error: BaseException | None, said: str) -> None:
    """In words, and so that a sentence can go on after it."""
    assert because("lost", error) == said


def test_only_a_farewell_is_one() -> None:
    """Of the frames of a broker, as they are read: without type and size, with their end."""
    close = commands.Connection.Close(530, "NOT_ALLOWED - no", 10, 40)
    assert farewells.reason(close.index.to_bytes(4, "big") + close.marshal() + b"\xce") == "NOT_ALLOWED - no"
    assert farewells.reason(commands.Connection.OpenOk.index.to_bytes(4, "big") + b"\0\xce") == ""
