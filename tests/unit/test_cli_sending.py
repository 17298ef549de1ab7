"""What `rollcast send` shows and says, away from a terminal and on one."""

import io
from dataclasses import replace

import msgspec
import pytest
from rich.console import Console

from rollcast.cli.course import PAUSED, Course
from rollcast.cli.milestones import INTERVAL, Milestones
from rollcast.cli.picture import Picture
from rollcast.cli.report_text import report_lines
from rollcast.cli.waiting import SECOND
from rollcast.events import (
    Held,
    Paused,
    Progressed,
    Resumed,
    SenderEvent,
    Uploaded,
    UploadProgressed,
    UploadStarted,
)
from rollcast.reasons import Code
from rollcast.report import Report
from rollcast.states import Receiver, Transfer
from tests.unit.cli_samples import accepted, course, extended, receiver, resolved, transfer
from tests.unit.offers import TRANSFER

STARTED = UploadStarted(transfer_id=TRANSFER)
HALF = "━" * 8 + "─" * 8
UPLOADED = Uploaded(transfer_id=TRANSFER)
DECLINED = receiver("dave@globex", Receiver.REJECTED, reason=Code.REJECTED, detail="no\x1b[2J\nthanks")


def _stored(**receivers: int) -> Progressed:
    return Progressed(transfer_id=TRANSFER, receivers={f"{name}@acme": n for name, n in receivers.items()})


def _lines(*events: SenderEvent, clock: list[float] | None = None) -> None:
    ticks = iter(clock or [0.0] * 99)
    way = course()
    milestones = Milestones(way, clock=lambda: next(ticks))
    for event in events:
        way.take(event)
        milestones.show(event)


def test_a_line_for_each_milestone(capsys: pytest.CaptureFixture[str]) -> None:
    """Everybody who is not on the list is named with the reason; what a receiver wrote stays harmless."""
    _lines(accepted(), accepted(), resolved("bob@acme", others=(DECLINED,)), STARTED, UPLOADED)
    assert capsys.readouterr().err.splitlines() == [
        f"transfer {TRANSFER}: plan.pdf, 1000 B, to 3 receivers",
        "3 receivers asked until 1970-01-01 00:00:30 UTC",
        "receiver list: 1 accepted, 1 declined",
        "  dave@globex: rejected, no\\x1b[2J\\nthanks (may be asked again)",
        "the upload begins",
        "the server has the whole file",
    ]


def test_who_accepts_later_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Only the new ones, and how all stand then."""
    first = resolved("bob@acme", others=(receiver("eve@acme", Receiver.DEFERRED), DECLINED))
    _lines(first, extended(first, "eve@acme"))
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "receiver list: 1 accepted, 1 deferred, 1 declined"
    assert told[3:] == ["receiver list: 2 accepted (1 later), 1 declined", "  eve@acme: accepted later"]


FULL = "the server's spool is full; the transfer goes on when others have ended"


def test_a_held_transfer_is_said_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Once, as the server says it; nobody needs to send it again."""
    _lines(accepted(Transfer.HELD), Held(transfer_id=TRANSFER, reason=Code.SPOOL_FULL, detail=FULL))
    assert capsys.readouterr().err.splitlines()[-1] == f"held: {FULL}"


def test_nobody_is_asked_before_the_sender_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """A refusal may come instead."""
    _lines(accepted(Transfer.REQUESTED))
    assert "asked" not in capsys.readouterr().err
    _lines(accepted(Transfer.REQUESTED), accepted())
    assert capsys.readouterr().err.splitlines()[1:] == ["3 receivers asked until 1970-01-01 00:00:30 UTC"]


def test_progress_is_told_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """Not with each summary, but with one by which somebody has stored it all; the slowest is named."""
    summaries = [
        _stored(bob=bob, carol=carol) for bob, carol in ((500, 0), (600, 200), (700, 500), (1000, 600))
    ]
    times = [0.0, 1.0, INTERVAL, INTERVAL + 1, INTERVAL + 2]
    _lines(resolved("bob@acme", "carol@acme"), *summaries, clock=times)
    assert capsys.readouterr().err.splitlines()[1:] == [
        "0 of 2 receivers stored it all, on average 40%; the slowest, carol@acme, 200 B, 20%",
        "1 of 2 receivers stored it all, on average 80%; the slowest, carol@acme, 600 B, 60%",
    ]


def test_a_broker_that_takes_nothing_is_told_and_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    """Until it takes messages again."""
    _lines(Paused(transfer_id=TRANSFER), Resumed(transfer_id=TRANSFER))
    assert capsys.readouterr().err.splitlines() == [f"{PAUSED}; waiting", "the broker takes messages again"]
    way = course()
    way.take(accepted())
    way.take(Paused(transfer_id=TRANSFER))
    assert _rows(way)[1].startswith("Paused  the broker takes nothing")
    way.take(Resumed(transfer_id=TRANSFER))
    assert _rows(way)[1].startswith("Roll call")


def test_a_retry_asks_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """It says whose transfer it goes on with."""
    way = Course(TRANSFER, "alice@acme", "plan.pdf", 1000, retry_of="e" * 32)
    Milestones(way).show(accepted())
    assert capsys.readouterr().err.endswith(f"1000 B, to those of transfer {'e' * 32} who were cut off\n")


def _rows(way: Course, *, height: int = 24, final: bool = False) -> list[str]:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=height, color_system=None)
    with console.capture() as capture:
        console.print(Picture(way, final=final))
    return [row.rstrip() for row in capture.get().splitlines()]


def test_the_picture_grows_with_the_transfer() -> None:
    """First the file is read, then the roll call, then the upload, then the receivers, the slowest first."""
    now = [0]
    way = Course(TRANSFER, "alice@acme", "plan.pdf", 1000, clock=lambda: now[0] * SECOND)
    assert _rows(way)[1] == "Reading  the file"
    way.read(100)
    now[0] = 2
    way.read(500)
    assert _rows(way)[1] == f"Reading  {HALF}  500 B, 50%, 200 B/s, 2 s left"
    way.take(accepted())
    assert _rows(way)[1] == "Roll call  3 asked, 0 s left to answer"
    way.take(resolved("bob@acme", "carol@acme", others=(DECLINED,)))
    assert _rows(way)[1:] == ["Roll call  3 asked: 2 accepted, 1 declined"]
    way.take(STARTED)
    assert _rows(way)[2] == "Upload  under way"
    for now[0], sent, stored in ((2, 0, 0), (7, 500, 500), (12, 1000, 500)):
        way.take(UploadProgressed(transfer_id=TRANSFER, bytes=sent))
        way.take(_stored(bob=stored))
        if now[0] == 7:
            assert _rows(way)[2] == f"Upload  {HALF}  500 B, 50%, 100 B/s, 5 s left"
    way.take(UPLOADED)
    assert _rows(way)[2:] == [
        f"Upload  {'━' * 16}  the server has it all",
        "Delivery  0 of 2 receivers stored it all",
        "receiver    state                stored         rate         left",
        "carol@acme  accepted",
        "bob@acme    receiving  ━━━━────   500 B  50%  50 B/s  stalled 5 s",
    ]
    assert _rows(way)[:2] == _rows(way, final=True)


def test_what_is_known_of_a_resumed_transfer_is_there_at_once() -> None:
    """How far receivers are, as its report says."""
    known = msgspec.structs.replace(receiver("bob@acme", Receiver.RECEIVING), bytes=500)
    way = course()
    for event in (accepted(), resolved("carol@acme"), STARTED):
        way.take(event)
    assert way.resolved is not None
    way.resolved = replace(way.resolved, listed=(*way.resolved.listed, known))
    assert [row.split()[:2] for row in _rows(way)[5:]] == [
        ["carol@acme", "accepted"],
        ["bob@acme", "receiving"],
    ]
    assert _rows(way)[-1].endswith("500 B  50%")


def test_the_upload_is_told_until_receivers_store_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Away from a terminal, now and then."""
    sent = [UploadProgressed(transfer_id=TRANSFER, bytes=number) for number in (100, 200, 300)]
    _lines(*sent, clock=[0.0, 1.0, INTERVAL, INTERVAL + 1])
    _lines(_stored(bob=1), *sent, clock=[0.0, INTERVAL, INTERVAL, INTERVAL, INTERVAL])
    assert capsys.readouterr().err == "uploaded 200 B, 20%\n"


def test_what_is_held_is_drawn_until_it_goes_on() -> None:
    """It went on when the server says another state."""
    way = course()
    way.take(accepted(Transfer.HELD))
    way.take(Held(transfer_id=TRANSFER, reason=Code.BROKER_FULL, detail="no room"))
    assert _rows(way)[1] == "Held  no room"
    way.take(accepted())
    assert _rows(way)[1].startswith("Roll call  3 asked")


@pytest.mark.parametrize("height", [8, 10, 24])
def test_the_picture_fits_the_terminal(height: int) -> None:
    """A row more and the terminal would scroll with each redraw."""
    way = course()
    names = [f"r{number}" for number in range(40)]
    for event in (accepted(), resolved(*(f"{name}@acme" for name in names)), STARTED):
        way.take(event)
    way.take(_stored(**{name: 10 * number for number, name in enumerate(names)}))
    rows = _rows(way, height=height)
    assert len(rows) == height - 1
    assert rows[5].split()[0] == "r0@acme"
    assert rows[-1] == f"  and {40 - (height - 7)} that are further"


def test_the_picture_obeys_no_file_name() -> None:
    """Neither as control characters nor as markup."""
    assert _rows(course("[red]\u202e\x1b[2J[/red].pdf"))[0].startswith(
        "[red]\\u202e\\x1b[2J[/red].pdf  1000 B"
    )


def test_an_empty_file_is_there_from_the_start() -> None:
    """No division by its size."""
    way = Course(TRANSFER, "alice@acme", "empty", 0)
    for event in (accepted(), resolved("bob@acme"), UPLOADED):
        way.take(event)
    assert "Delivery  1 of 1 receiver stored it all" in _rows(way)


def test_the_report_names_everybody() -> None:
    """With the reason, where the state does not say it already."""
    tired = receiver(
        "eve@acme", Receiver.INCAPABLE, reason=Code.FILE_TOO_BIG, detail="1000 bytes; 10 are allowed"
    )
    receivers = [
        receiver("bob@acme", Receiver.DELIVERED),
        DECLINED,
        tired,
        receiver("al@acme", Receiver.ASKED),
        receiver("x@acme", Receiver.UNKNOWN, reason=Code.NO_SUCH_ACCOUNT),
        receiver("y@acme", Receiver.CANCELLED, reason=Code.CANCELLED),
    ]
    assert report_lines(Report(transfer(Transfer.PARTIAL), receivers)) == [
        "plan.pdf, 1000 B, from alice@acme: partial, 1 of 6 have it",
        "  bob@acme     delivered  as plan (2).pdf, 1970-01-01 00:00:00 UTC",
        "  dave@globex  rejected   no\x1b[2J\nthanks (may be asked again)",
        "  eve@acme     incapable  file too big: 1000 bytes; 10 are allowed",
        "  al@acme      asked",
        "  x@acme       unknown    there is no such account (may be asked again)",
        "  y@acme       cancelled  may be asked again",
        f"1 receiver cut off; `rollcast retry {TRANSFER}` sends it to them once more",
        f"transfer {TRANSFER}, roll call 1.5 s",
    ]


def test_the_report_says_why_nobody_gets_it() -> None:
    """The transfer has a reason of its own; in a dry run nobody can have the file."""
    declined = report_lines(Report(transfer(Transfer.DECLINED, reason=Code.POLICY_NOT_MET), []))
    assert "declined, 0 of 0 have it; the answers did not satisfy the list policy" in declined[0]
    listed = report_lines(Report(transfer(Transfer.LISTED), [receiver("bob@acme", Receiver.ACCEPTED)]))
    assert "listed, 1 of 1 could receive it" in listed[0]


def test_the_report_says_for_whom_the_transfer_stays_open() -> None:
    """Once it has ended nobody can decide any more."""
    receivers = [receiver("bob@acme", Receiver.DELIVERED), receiver("eve@acme", Receiver.DEFERRED)]
    open_until = (
        "1 receiver put the decision off; the transfer stays open for that until 1970-01-01 00:01:00 UTC"
    )
    assert open_until in report_lines(Report(transfer(Transfer.CASTING), receivers))
    assert open_until not in report_lines(Report(transfer(Transfer.EXPIRED), receivers))
