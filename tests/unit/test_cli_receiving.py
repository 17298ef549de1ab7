"""How `rollcast receive` decides, and what it says."""

import asyncio
import io
import json
import os
import pty
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from rich.console import Console

from rollcast.cli.deciding import Accept, decide_by
from rollcast.cli.event_json import event_json
from rollcast.cli.exits import UsageError
from rollcast.cli.narrator import INTERVAL, Narrator
from rollcast.cli.prompt import Prompt
from rollcast.events import (
    Answered,
    AnswerRefused,
    Asked,
    Delivered,
    Ended,
    Failed,
    Opened,
    Ready,
    ReceiverEvent,
    Stored,
)
from rollcast.messages.values import Limits
from rollcast.reasons import Code
from rollcast.receiving.consent import Decide, Decision
from rollcast.states import Transfer
from tests.people import ACME, ALICE, BOB, GLOBEX
from tests.unit.offers import NO_HASH, TRANSFER, offer

EVIL = offer(name="evil\u202egnp.exe", size=2048)
EVENTS: list[ReceiverEvent] = [
    Ready(address=BOB, limits=Limits()),
    Asked(transfer_id=TRANSFER, offer=EVIL),
    Answered(transfer_id=TRANSFER, offer=EVIL, accept=False),
    AnswerRefused(transfer_id=TRANSFER, reason=Code.ANSWERED_TOO_LATE, detail="one\nsecond"),
    Opened(transfer_id=TRANSFER, offer=EVIL),
    Stored(transfer_id=TRANSFER, bytes=1024, size=2048),
    Delivered(transfer_id=TRANSFER, offer=EVIL, path=Path("in") / EVIL.file.name, hash=NO_HASH),
    Failed(transfer_id=TRANSFER, offer=EVIL, detail="disk full"),
    Ended(transfer_id=TRANSFER, offer=EVIL, state=Transfer.PARTIAL, reason=Code.NO_ANSWER),
]


async def _decided(decide: Decide) -> bool:
    decision = decide(offer())
    assert asyncio.iscoroutine(decision)
    answer = await decision
    assert isinstance(answer, Decision)
    return answer.accept


@pytest.mark.parametrize(
    ("accept", "senders", "taken"),
    [
        ("all", [], True),
        ("none", [], False),
        ("all", [f"*@{ACME}"], True),
        ("all", [f"*@{GLOBEX}", "al[a-m]*"], True),
        ("all", [f"*@{GLOBEX}", f"Alice@{ACME}"], False),
        ("none", [f"*@{ACME}"], False),
    ],
)
async def test_rules_decide(accept: Accept, senders: list[str], taken: bool) -> None:
    """A sender that no pattern matches is declined whatever else holds."""
    assert await _decided(decide_by(accept, senders)) is taken


@pytest.mark.parametrize("accept", ["ask", None])
def test_nobody_is_there_to_be_asked(accept: Accept | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it must be told what to answer."""
    with open(os.devnull) as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        with pytest.raises(UsageError) as caught:
            decide_by(accept, [])
    assert "--accept all" in caught.value.hint


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The user's end of a terminal, and the program's."""
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


async def _asked(capsys: pytest.CaptureFixture[str], times: int) -> str:
    """What was said when the question was put so often."""
    seen = ""
    while seen.count("Type y, n or l") < times:
        await asyncio.sleep(0.01)
        seen += capsys.readouterr().err
        assert "\u202e" not in seen
    return seen


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        (b"y\n", Decision(True)),
        (b"No\n", Decision(False)),
        (b"\x04", Decision(False, deferred=True)),
        (b"later\n", Decision(False, deferred=True)),
    ],
)
async def test_whoever_sits_there_is_asked(
    terminal: tuple[int, int], capsys: pytest.CaptureFixture[str], typed: bytes, taken: Decision
) -> None:
    """What was typed before the question is no answer, nor what makes no sense; Ctrl-D puts the decision off."""
    user, program = terminal
    os.write(user, b"y\n")
    asking = asyncio.create_task(Prompt(program).ask(EVIL))
    await _asked(capsys, 1)
    os.write(user, b"perhaps\n")
    assert "y takes the file, n declines it, l puts the decision off" in await _asked(capsys, 1)
    os.write(user, typed)
    assert await asyncio.wait_for(asking, 10) == taken


@pytest.mark.parametrize(
    ("deadline", "until"),
    [
        (4_000_000_000_000_000, "by 2096-10-02 07:06:40 UTC:"),
        (1, "until the transfer expires at 2112-09-17 23:53:47 UTC:"),
    ],
)
async def test_the_question_tells_until_when(
    terminal: tuple[int, int], capsys: pytest.CaptureFixture[str], deadline: int, until: str
) -> None:
    """One that comes again after the consent deadline has time as long as the transfer is open."""
    asking = asyncio.create_task(
        Prompt(terminal[1]).ask(msgspec.structs.replace(offer(), consent_deadline=deadline))
    )
    assert (await _asked(capsys, 1)).strip().endswith(until)
    asking.cancel()


async def test_one_question_at_a_time(terminal: tuple[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    """A second offer waits, and is asked when the first one's time is over."""
    user, program = terminal
    prompt = Prompt(program)
    first = asyncio.create_task(prompt.ask(EVIL))
    await _asked(capsys, 1)
    second = asyncio.create_task(prompt.ask(EVIL))
    await asyncio.sleep(0)
    first.cancel()
    await _asked(capsys, 1)
    os.write(user, b"yes\n")
    assert await asyncio.wait_for(second, 10) == Decision(True)
    assert first.cancelled()


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_each_event_is_a_document(event: ReceiverEvent) -> None:
    """With its name and its transfer; nothing that a terminal obeys is left in it."""
    line = json.dumps(event_json(event))
    document = json.loads(line)
    assert document["event"].replace("_", "") == type(event).__name__.lower()
    assert isinstance(event, Ready) or document["transfer_id"] == TRANSFER
    assert line.isascii()


def test_all_events_are_tried() -> None:
    """A new kind of event needs a document too."""
    assert [type(event) for event in EVENTS] == list(get_args(ReceiverEvent))


def test_files_are_told_on_standard_output_and_all_else_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A line each; the question itself is the prompt's business."""
    narrator = Narrator(clock=lambda: 0.0)
    for event in EVENTS:
        narrator.tell(event)
    told = capsys.readouterr()
    assert told.out == f"in/evil\\u202egnp.exe  2.0 KiB  from {ALICE}\n"
    assert told.err.splitlines() == [
        f"{BOB} is ready to receive",
        f"declined: evil\\u202egnp.exe (2.0 KiB, application/octet-stream) from {ALICE}",
        f"{TRANSFER}: the answer does not count, the answer came after the transfer had ended: one\\nsecond",
        f"receiving: evil\\u202egnp.exe (2.0 KiB, application/octet-stream) from {ALICE}",
        f"failed: evil\\u202egnp.exe (2.0 KiB, application/octet-stream) from {ALICE}: disk full",
        f"will not come: evil\\u202egnp.exe (2.0 KiB, application/octet-stream) from {ALICE}: "
        "no answer came before the consent deadline",
    ]


@pytest.mark.parametrize(
    ("state", "reason", "why"),
    [
        (Transfer.CANCELLED, Code.CANCELLED, "the transfer was cancelled"),
        (Transfer.PARTIAL, None, "the transfer is partial"),
        (Transfer.LISTED, Code.CANCELLED, "the sender only wanted to know who would take it"),
    ],
)
def test_why_a_file_does_not_come(
    state: Transfer, reason: Code | None, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason says it, or else the state; after a dry run nothing was ever to come."""
    Narrator().tell(Ended(transfer_id=TRANSFER, offer=offer(), state=state, reason=reason))
    assert capsys.readouterr().err.endswith(f" from {ALICE}: {why}\n")


def test_progress_is_told_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """For each transfer on its own."""
    ticks = iter([0.0, 0.0, 1.0, INTERVAL, INTERVAL + 1])
    narrator = Narrator(clock=lambda: next(ticks))
    narrator.tell(Opened(transfer_id=TRANSFER, offer=EVIL))
    for transfer_id in (TRANSFER, "b", TRANSFER, TRANSFER, TRANSFER):
        narrator.tell(Stored(transfer_id=transfer_id, bytes=1024, size=2048))
    assert capsys.readouterr().err.splitlines()[1:] == ["evil\\u202egnp.exe: 1.0 KiB, 50%"]


def test_where_progress_is_drawn_no_line_tells_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each file that is on its way, and none of those that are here."""
    narrator = Narrator(clock=iter([0.0, INTERVAL, 2 * INTERVAL]).__next__, drawn=True)
    console = Console(file=io.StringIO(), width=80)

    def rows() -> str:
        with console.capture() as capture:
            console.print(narrator.arrivals)
        return capture.get()

    for event in EVENTS[4:6]:
        narrator.tell(event)
    assert rows() == "evil\\u202egnp.exe: 1.0 KiB, 50%\n"
    narrator.tell(EVENTS[6])
    assert rows() == ""
    assert "50%" not in capsys.readouterr().err
