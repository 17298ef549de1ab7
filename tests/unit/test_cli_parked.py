"""Parked messages as people and programs read them."""

import json

import pytest

from rollcast.cli import output
from rollcast.cli.parked_messages import listing_lines, message_json, message_lines
from rollcast.messages.values import ParkedMessage
from tests.unit.offers import TRANSFER

FULL = ParkedMessage(
    id="0123456789abcdef",
    step="s260",
    reason="try_again",
    detail="the database is away",
    parked_at=1_000_000,
    attempts=4,
    message="ConsentAnswered/1",
    transfer_id=TRANSFER,
    origin="bob@acme",
    size=120,
    text=json.dumps({"type": "ConsentAnswered/1", "detail": "ü\x1b[2J\u2028"}),
)
BARE = ParkedMessage(id="0" * 16, reason="not_authentic", text="c100")


def test_a_line_has_what_an_operator_decides_by() -> None:
    """Its id first, so that a program can cut it out; what is not known is a dash."""
    full, bare = listing_lines([FULL, BARE])
    words = [
        "0123456789abcdef",
        "1970-01-01 00:00:01 UTC",
        "s260",
        "try_again",
        "ConsentAnswered/1",
        TRANSFER,
    ]
    assert [word for word in full.split("  ") if word.strip()] == [*words, "bob@acme", "4 attempts"]
    assert bare.split() == ["0" * 16, "-", "-", "not_authentic", "-", "-", "-", "0", "attempts"]


def test_a_message_is_told_with_its_json_in_lines() -> None:
    """All that is known, and nothing of what is not."""
    lines = message_lines(FULL)
    assert lines[lines.index("") :][:3] == ["", "{", '  "type": "ConsentAnswered/1",']
    assert any("the database is away" in line for line in lines)
    assert [line.split()[0] for line in message_lines(BARE) if line] == [
        *("id", "reason", "attempts", "from", "size", "c100")
    ]


@pytest.mark.parametrize(
    "message", [FULL, ParkedMessage(id="0" * 16, reason="\x1b[2J", detail="a\nb", message="\x9b")]
)
def test_a_terminal_obeys_nothing_of_it(message: ParkedMessage, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a stranger has written into it is made visible."""
    output.emit(*listing_lines([message]), *message_lines(message))
    out = capsys.readouterr().out
    assert all(line.isprintable() for line in out.split("\n"))


@pytest.mark.parametrize("text", ["", "1e10", '{"x":' * 10_000, "[" * 65_536, '{"type": "cut of'])
def test_text_that_is_no_json_is_told_as_it_is(text: str) -> None:
    """What was cut off too."""
    assert message_lines(ParkedMessage(id="0" * 16, reason="x", text=text))[-1] == text


def test_the_document_has_everything_but_the_text() -> None:
    """With instants as in all other documents."""
    assert message_json(FULL) == {
        "id": "0123456789abcdef",
        "step": "s260",
        "reason": "try_again",
        "detail": "the database is away",
        "parked_at": "1970-01-01T00:00:01.000000Z",
        "attempts": 4,
        "message": "ConsentAnswered/1",
        "transfer_id": TRANSFER,
        "origin": "bob@acme",
        "size": 120,
    }
    assert message_json(BARE)["parked_at"] is None
