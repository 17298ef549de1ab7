"""Transfers as `rollcast list` and `rollcast status` draw them."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from rollcast.cli.listing_text import listing_lines
from rollcast.cli.report_text import report_lines
from rollcast.cli.status_picture import draw
from rollcast.cli.waiting import SECOND, waits_for
from rollcast.messages.values import ReceiverCount, ReceiverStatus, TransferStatus
from rollcast.queries import Glance
from rollcast.reasons import Code
from rollcast.report import Report
from rollcast.states import Receiver, Transfer
from tests.unit import cli_samples
from tests.unit.offers import TRANSFER

NOW = 20 * SECOND
ASKING, CASTING = Transfer.ASKING, Transfer.CASTING
FINISHED = Receiver.DELIVERED


def transfer(
    state: Transfer, counts: Mapping[Receiver, int] | None = None, *, name: str = "plan.pdf", **fields: Any
) -> TransferStatus:
    """A transfer of alice's, of 1000 bytes, with receivers in these states."""
    told = [ReceiverCount(state=of, number=number) for of, number in (counts or {}).items()]
    usual = {"uploaded": 1000, "consent_deadline": 30 * SECOND, "counts": told}
    return msgspec.structs.replace(cli_samples.transfer(state, name=name), **usual | fields)


def receiving(address: str, stored: int, *, rate: int | None = None, quiet: int = 0) -> ReceiverStatus:
    """A receiver that last moved so many seconds ago."""
    return ReceiverStatus(
        address=address,
        state=Receiver.RECEIVING,
        bytes=stored,
        rate=rate,
        moved_at=NOW - quiet * SECOND,
    )


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (transfer(Transfer.REQUESTED), "the check of its sender"),
        (
            transfer(Transfer.HELD, reason=Code.SPOOL_FULL),
            "the server has no room for the file at present",
        ),
        (transfer(ASKING, {Receiver.ASKED: 2, Receiver.ACCEPTED: 1}), "2 of 3 answers, 10 s left"),
        (transfer(ASKING, {Receiver.ACCEPTED: 3}), "the receiver list"),
        (
            transfer(ASKING, {Receiver.DEFERRED: 1, Receiver.ACCEPTED: 3}),
            "1 decision put off, until 1970-01-01 00:01:00 UTC",
        ),
        (transfer(CASTING, {Receiver.RECEIVING: 2, FINISHED: 1}), "2 receivers"),
        (
            transfer(CASTING, {Receiver.ACCEPTED: 1}, uploaded=450),
            "1 receiver and the upload (45% of it is there)",
        ),
        (
            transfer(CASTING, {Receiver.DEFERRED: 2, FINISHED: 1}),
            "2 decisions put off, until 1970-01-01 00:01:00 UTC",
        ),
        (transfer(CASTING, {FINISHED: 1}), "its end"),
        (
            transfer(CASTING, {Receiver.RECEIVING: 1}, reason=Code.CANCELLED),
            "receivers to confirm the end: the transfer was cancelled",
        ),
        (transfer(Transfer.COMPLETED, {FINISHED: 1}), ""),
        (transfer(Transfer.PARTIAL, {FINISHED: 1, Receiver.REJECTED: 2}), "2 rejected"),
        (transfer(Transfer.DECLINED, reason=Code.NOBODY_LISTED), "nobody could and would receive"),
    ],
)
def test_what_a_transfer_waits_for(status: TransferStatus, told: str) -> None:
    """In half a sentence; of one that has ended why somebody lacks the file."""
    assert waits_for(status, NOW) == told


def test_a_listing_is_a_table() -> None:
    """The newest first, with how many have the file, and what it waits for."""
    casting = transfer(CASTING, {Receiver.RECEIVING: 2, FINISHED: 1})
    listed = transfer(Transfer.LISTED, {Receiver.ACCEPTED: 2, Receiver.REJECTED: 1}, name="b")
    assert listing_lines([casting, listed], NOW, None) == [
        f"transfer{' ' * 24}   age  file        size  sender      state        waits for, or why",
        f"{TRANSFER}  20 s  plan.pdf  1000 B  alice@acme  casting 1/3  2 receivers",
        f"{TRANSFER}  20 s  b         1000 B  alice@acme  listed 2/3",
    ]
    assert listing_lines([], NOW, None) == ["no transfers"]


@pytest.mark.parametrize("width", [80, 100])
def test_a_listing_fits_the_terminal(width: int) -> None:
    """The id is there whole, to be copied, and so is its point: who has it, and why others lack it."""
    status = transfer(CASTING, {Receiver.RECEIVING: 2}, name="a" * 200)
    lines = listing_lines([status], NOW, width)
    assert all(len(line) <= width for line in lines)
    assert lines[1].startswith(f"{TRANSFER}  ")
    assert "  aaaaaaa" in lines[1]
    assert lines[1].endswith("casting 0/2  2 receivers")


def test_a_listing_of_80_columns_leaves_out_what_matters_least() -> None:
    """Sender, size and age; why somebody lacks the file is there whole."""
    partial = transfer(Transfer.PARTIAL, {FINISHED: 1, Receiver.REJECTED: 1, Receiver.UNKNOWN: 1})
    assert listing_lines([partial], NOW, 80) == [
        f"transfer{' ' * 24}  file      state        waits for, or why",
        f"{TRANSFER}  plan.pdf  partial 1/3  1 rejected, 1 unknown",
    ]


def test_a_listing_obeys_no_file_name() -> None:
    """What a stranger wrote is told."""
    lines = listing_lines([transfer(CASTING, name="\x1b[2J\u202egnp.exe")], NOW, 200)
    assert "\\x1b[2J\\u202egnp.exe" in lines[1]


def status(*receivers: ReceiverStatus, counts: Mapping[Receiver, int], **fields: Any) -> Glance:
    """A look at a transfer under way."""
    return Glance(transfer(fields.pop("state", CASTING), counts, **fields), receivers, NOW)


def test_a_transfer_under_way_is_drawn() -> None:
    """All together, then each receiver with a bar; why somebody does not receive stands where the numbers do."""
    declined = cli_samples.receiver("dave@globex", Receiver.REJECTED, reason=Code.REJECTED)
    has_it = msgspec.structs.replace(cli_samples.receiver("erin@acme", FINISHED), bytes=1000)
    receivers = (
        receiving("carol@globex", 300, rate=0, quiet=12),
        receiving("bob@acme", 500, rate=10, quiet=1),
        declined,
        has_it,
    )
    counts = {Receiver.RECEIVING: 2, Receiver.REJECTED: 1, FINISHED: 1}
    glance = status(*receivers, counts=counts, stored=1800, rate=10)
    assert draw(glance, 100, 24) == [
        f"plan.pdf  1000 B  from alice@acme  {TRANSFER}",
        "casting: 1/4 have it; waits for 2 receivers",
        "2 receiving, 1 rejected, 1 delivered",
        "stored 1.8 KiB of 2.9 KiB, 60%, 10 B/s, 50 s left",
        "receiver      state                        stored          rate          left",
        "carol@globex  receiving  ━━━━────────────   300 B   30%   0 B/s  stalled 12 s",
        "bob@acme      receiving  ━━━━━━━━────────   500 B   50%  10 B/s          50 s",
        "dave@globex   rejected   the receiver declined (may be asked again)",
        "erin@acme     delivered  ━━━━━━━━━━━━━━━━  1000 B  100%",
    ]


def test_in_80_columns_it_is_told_who_stands_still() -> None:
    """Bars are short there, and a long address is cut."""
    receivers = [receiving(f"{name}@globex", 500 * 2**20, rate=0, quiet=300) for name in ("carol", "c" * 40)]
    glance = status(*receivers, counts={Receiver.RECEIVING: 2})
    lines = draw(glance, 80, 24)[5:]
    assert lines == [
        "carol@globex          receiving  ━━━━━━━━  500.0 MiB  100%  0 B/s  stalled 5 min",
        "ccccccccccccccccccc…  receiving  ━━━━━━━━  500.0 MiB  100%  0 B/s  stalled 5 min",
    ]


@pytest.mark.parametrize(("rows", "shown"), [(24, 18), (10, 4), (3, 1)])
def test_thousands_of_receivers_fit_the_terminal(rows: int, shown: int) -> None:
    """The slowest are told one by one, the others in numbers."""
    receivers = [receiving(f"r{n}@acme", n) for n in range(500)]
    counts = {Receiver.RECEIVING: 1500, Receiver.NO_ANSWER: 20, FINISHED: 480}
    lines = draw(status(*receivers, counts=counts), 80, rows)
    assert len([line for line in lines if line.startswith("r") and "@" in line]) == shown
    rest = f"{1500 - shown} receiving, 20 no_answer, 480 delivered"
    assert lines[-1] == f"and {2000 - shown} others: {rest}"[:80]
    assert all(len(line) <= 80 for line in lines)
    if rows >= 10:
        assert len(lines) == rows


def test_before_the_list_is_made_nothing_is_stored() -> None:
    """The table tells who has answered."""
    asked = cli_samples.receiver("bob@acme", Receiver.ASKED)
    lines = draw(status(asked, counts={Receiver.ASKED: 1}, state=ASKING), 80, 24)
    assert lines[1:4] == ["asking: 0/1 have it; waits for 1 of 1 answer, 10 s left", "1 asked", ""]
    assert lines[5] == "bob@acme  asked"


def test_the_drawing_obeys_nobody() -> None:
    """Neither the name of the file nor what a receiver wrote."""
    rude = cli_samples.receiver("dave@globex", Receiver.REJECTED, reason=Code.REJECTED, detail="\x1b[2J")
    lines = draw(status(rude, counts={Receiver.REJECTED: 1}, name="\x1b]0;x"), 80, 24)
    assert all(line.isprintable() for line in lines)


def test_away_from_a_terminal_it_is_told_in_lines() -> None:
    """How far each receiver is, and how long it still takes."""
    receivers = [
        receiving("bob@acme", 500, rate=10),
        receiving("carol@globex", 999, rate=0),
        receiving("dave@globex", 0),
    ]
    assert report_lines(Report(transfer(CASTING), receivers))[1:4] == [
        "  bob@acme      receiving  500 B, 50%, 10 B/s, 50 s left",
        "  carol@globex  receiving  999 B, 99%, 0 B/s",
        "  dave@globex   receiving  0 B, 0%",
    ]
