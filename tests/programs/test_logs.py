"""Whatever is said on standard error by a process of workers is one JSON object a line, and without passwords."""

import json
import subprocess
import sys
from typing import Any

import pytest

from rollcast.redaction import cleaned, without_passwords
from workers.process.logs import Seldom

TALKATIVE = """
import asyncio, gc, logging, warnings
import structlog
from structlog.contextvars import bound_contextvars
from workers.process.logs import configure_logs

configure_logs()
ours, theirs = structlog.get_logger("workers.some"), logging.getLogger("library.part")
with bound_contextvars(transfer="t", step="s260", attempt=2):
    ours.info("ours", receiver="bob@acme", many={"a@b", }, odd=object)
    theirs.warning("theirs: %s", "two\\nlines", extra={"queue": "q"})
    logging.getLogger("rollcast.broker").info("the SDK's")
ours.debug("not told")
theirs.info("not told")
logging.getLogger("aiormq.connection").error("error when creating transport: %r", OSError("not told"))
try:
    raise ValueError("no connection to amqp://me:secret@host/vhost")
except ValueError:
    ours.exception("failed")
    theirs.exception("failed")
warnings.warn("old")

class Bad:
    def __del__(self):
        raise ValueError("nobody hears it")

Bad()

async def lost():
    async def fails():
        raise ValueError("never retrieved")
    asyncio.ensure_future(fails())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

asyncio.run(lost())
gc.collect()
"""


LEVELLED = """
import logging
import structlog
from workers.process.logs import configure_logs, set_level

configure_logs()
set_level("{level}")
for logger in (structlog.get_logger("workers.some"), logging.getLogger("rollcast.broker")):
    for level in ("debug", "info", "warning", "error"):
        getattr(logger, level)("ours")
for level in ("debug", "info", "warning", "error"):
    getattr(logging.getLogger("aio_pika.queue"), level)("the body of a message")
"""


def _said(program: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_every_line_is_json() -> None:
    """Ours, those of libraries, warnings, and errors that nobody could handle; each says when, who and how bad."""
    said = _said(TALKATIVE)
    assert all(list(line)[:3] == ["timestamp", "level", "event"] and line["logger"] for line in said)
    assert "not told" not in str(said)
    ours, theirs, sdk, *rest = said
    about = {"transfer": "t", "step": "s260", "attempt": 2}
    assert all(line.items() >= about.items() for line in (ours, theirs, sdk))
    assert (ours["level"], ours["receiver"], ours["many"]) == ("info", "bob@acme", ["a@b"])
    assert (theirs["event"], theirs["queue"]) == ("theirs: two\nlines", "q")
    assert [line["logger"] for line in rest] == [
        *("workers.some", "library.part", "py.warnings", "python", "asyncio")
    ]
    assert all("Traceback" in line["exception"] for line in rest if line["logger"] != "py.warnings")
    assert not {"transfer", "step", "attempt"} & {key for line in rest for key in line}


@pytest.mark.parametrize(
    ("level", "ours", "theirs"),
    [
        ("debug", ["debug", "info", "warning", "error"], ["warning", "error"]),
        ("info", ["info", "warning", "error"], ["warning", "error"]),
        ("warning", ["warning", "error"], ["warning", "error"]),
        ("error", ["error"], ["error"]),
    ],
)
def test_what_is_logged_at_each_level(level: str, ours: list[str], theirs: list[str]) -> None:
    """DEBUG is for our lines alone: libraries would format the bodies of messages."""
    said = _said(LEVELLED.format(level=level))
    assert [line["level"] for line in said if line["event"] == "ours"] == [*ours, *ours]
    assert [line["level"] for line in said if line["event"] != "ours"] == theirs


def test_a_password_in_a_traceback_is_not_told() -> None:
    """Whoever has put the address there."""
    said = str(_said(TALKATIVE))
    assert "no connection to amqp://me:***@host/vhost" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("amqp://server-main:s3cret@host:5672/", "amqp://server-main:***@host:5672/"),
        ('lost <Connection: "amqps://u:p%40ss@host">: bye', 'lost <Connection: "amqps://u:***@host">: bye'),
        ("URL('http://u:p@h:15672')", "URL('http://u:***@h:15672')"),
        ("postgresql+asyncpg://u:p/w@rd@h/d", "postgresql+asyncpg://u:***@h/d"),
        ("postgresql://h/d?user=u&password=s3cret&ssl=on", "postgresql://h/d?user=u&password=***&ssl=on"),
        ("amqp://:only@h", "amqp://:***@h"),
        ("no broker at amqp://host:5672, says bob@acme", "no broker at amqp://host:5672, says bob@acme"),
        ("sqlite:////folder/ledger.db", "sqlite:////folder/ledger.db"),
        ("bob@acme: no", "bob@acme: no"),
    ],
)
def test_passwords_are_hidden(text: str, told: str) -> None:
    """And nothing else is."""
    assert without_passwords(text) == told


def test_what_is_nested_is_clean_too() -> None:
    """Numbers stay numbers; what JSON does not know becomes a text."""
    address = "amqp://u:p@h"
    hidden = "amqp://u:***@h"
    assert cleaned({"a": [address, 1, None, True, 0.5], "b": {"c": (address,)}}) == {
        "a": [hidden, 1, None, True, 0.5],
        "b": {"c": [hidden]},
    }
    assert cleaned(ValueError(address)) == f"ValueError('{hidden}')"


def test_what_anybody_can_cause_is_told_seldom() -> None:
    """The first time, and then with the number of those that were kept back; each kind by itself."""
    seldom = Seldom(3600)
    assert [seldom.due("wrong_digest") for _ in range(3)] == [1, 0, 0]
    assert seldom.due("wrong_index") == 1
    often = Seldom(0)
    assert [often.due("wrong_digest") for _ in range(2)] == [1, 1]


def test_what_was_kept_back_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the time has passed, the next line stands for all of them."""
    now = 100.0
    monkeypatch.setattr("workers.process.logs.time.monotonic", lambda: now)
    seldom = Seldom(10)
    assert [seldom.due("a"), seldom.due("a"), seldom.due("a")] == [1, 0, 0]
    now += 10
    assert [seldom.due("a"), seldom.due("a")] == [3, 0]
