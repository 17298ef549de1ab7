"""What `rollcast watch` says."""

import json

import pytest

from rollcast.cli.log import Log
from rollcast.errors import BrokerUnavailable, FileUnusable
from rollcast.events import Held, Progressed, Uploaded
from rollcast.reasons import Code
from rollcast.report import Report
from rollcast.states import Receiver, Transfer
from rollcast.watch.events import (
    Began,
    Ended,
    GivenUp,
    GoesOn,
    Happened,
    LeftAlone,
    Unknown,
    Waits,
    WatchEvent,
)
from tests.unit.cli_samples import receiver, resolved, transfer
from tests.unit.offers import TRANSFER

NAME = "evil\u202egnp.exe"
REPORT = Report(transfer(Transfer.COMPLETED, name=NAME), [receiver("bob@acme", Receiver.DELIVERED)])
DECLINED = receiver("dave@globex", Receiver.REJECTED, reason=Code.REJECTED)
EVENTS: list[WatchEvent] = [
    LeftAlone(name="below", why="is a folder"),
    Began(name=NAME, transfer_id=TRANSFER, size=2048),
    Began(name="b", transfer_id=TRANSFER, size=2048, again=True),
    Unknown(name="b", transfer_id=TRANSFER),
    Happened(name="b", event=Held(transfer_id=TRANSFER, reason=Code.SPOOL_FULL, detail="no room")),
    Happened(name="b", event=resolved("bob@acme", others=(DECLINED,))),
    Happened(name="b", event=Uploaded(transfer_id=TRANSFER)),
    Happened(name="b", event=Progressed(transfer_id=TRANSFER, receivers={})),
    GivenUp(name="c", error=FileUnusable("c may not be read")),
    Waits(error=BrokerUnavailable("no broker")),
    GoesOn(),
    Ended(name=NAME, report=REPORT),
]
SAID = [
    "below: left alone, it is a folder",
    f"evil\\u202egnp.exe: 2.0 KiB, transfer {TRANSFER}",
    f"b: goes on as transfer {TRANSFER}",
    f"b: the server has no transfer {TRANSFER}; what is still there is sent anew",
    "b: held: no room",
    "b: 1 accepted, 1 declined",
    "b: the server has it",
    "c: not sent: c may not be read",
    "no broker; waiting",
    "it goes on",
]


def test_a_line_for_each_event(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error; the report on standard output, as that of `send`."""
    log = Log(json=False)
    assert all(log.tell(event) for event in EVENTS)
    told = capsys.readouterr()
    assert told.err.splitlines() == SAID
    lines = told.out.splitlines()
    assert lines[0] == "evil\\u202egnp.exe, 1000 B, from alice@acme: completed, 1 of 1 have it"
    assert lines[1].startswith("  bob@acme  delivered  as plan (2).pdf")


def test_a_document_for_each_file(capsys: pytest.CaptureFixture[str]) -> None:
    """The report of what has ended, and the error of what was given up; people still get a line."""
    log = Log(json=True)
    for event in EVENTS:
        log.tell(event)
    told = capsys.readouterr()
    given_up, ended = (json.loads(line) for line in told.out.splitlines())
    assert given_up["file"] == {"name": "c"}
    assert given_up["error"] == {"code": "file_unusable", "message": "c may not be read", "hint": ""}
    assert ended == REPORT.to_json()
    assert told.err.splitlines()[-1].endswith("completed, 1 of 1 have it")
