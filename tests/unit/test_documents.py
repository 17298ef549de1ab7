"""The documents say what the code does: each message, step, state, reason, metric and variable, both ways."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from dev.packages import CHECKOUT
from rollcast import messages as m
from rollcast.chunks import Drop
from rollcast.messages import MESSAGES
from rollcast.messages.values import TransferStatus
from rollcast.reasons import Code
from rollcast.states import FINAL_RECEIVER, FINAL_TRANSFER, Receiver, Transfer
from rollcast.topology import POOLS, STEPS, VERB_OF, accepts
from tests.unit import document_tables as tables
from workers import clock, spool
from workers.steps import STEPS as HANDLERS

README, PROTOCOL = CHECKOUT / "README.md", CHECKOUT / "docs" / "protocol.md"
GUARANTEES = CHECKOUT / "docs" / "guarantees.md"
DECISIONS = sorted((CHECKOUT / "docs" / "adr").glob("*.md"))
DOCUMENTS = [
    README,
    PROTOCOL,
    GUARANTEES,
    CHECKOUT / "CHANGELOG.md",
    CHECKOUT / "schemas" / "README.md",
    *DECISIONS,
]
PROMPTS = {kind.__name__ for kind in vars(clock).values() if kind in MESSAGES.values()}
NAMES = {kind.__name__ for kind in MESSAGES.values()}
FROM_MAKE_UP = {"ROLLCAST_MANAGEMENT_PORT"}
"""What `.run/env` sets beside the variables that our programs read."""


def _section(heading: str) -> str:
    """What stands below a heading of the protocol, up to the next one of the same depth or higher."""
    depth = heading.partition(" ")[0]
    after = PROTOCOL.read_text().split(f"\n{heading}\n", 1)[1]
    return re.split(rf"\n#{{1,{len(depth)}}} ", after)[0]


def _rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def _quoted(text: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", text))


@pytest.mark.parametrize("expected", [tables.steps, tables.messages, tables.reasons, tables.rungs])
def test_the_protocol_has_the_table(expected: Callable[[], str]) -> None:
    """These tables are the code's, word for word."""
    assert expected() in PROTOCOL.read_text()


def test_each_guarantee_is_shown_by_tests_that_exist() -> None:
    """Each row of its tables names files of tests, or something to `make`."""
    rows = [row for row in _rows(GUARANTEES.read_text()) if "shown by" not in row and "---" not in row]
    assert len(rows) > 20
    for row in rows:
        shown_by = _quoted(row[-1])
        assert shown_by, row
        for name in shown_by:
            assert name.startswith("make ") or (CHECKOUT / name).is_file(), name


def test_the_readme_has_all_metrics() -> None:
    """Their table is the code's, word for word."""
    assert tables.all_metrics() in README.read_text()


def test_the_readme_has_all_dependencies_as_locked() -> None:
    """And no others."""
    rows = [line for line in README.read_text().split("## Dependencies")[1].splitlines() if line[:2] == "| "]
    assert [line.rsplit(" | ", 1)[0] + " |" for line in rows[2:]] == tables.dependencies()


@pytest.mark.parametrize(
    ("head", "settings"),
    [
        ("| variable of the workers |", tables.workers_settings),
        ("| variable of terminals and operators |", tables.client_settings),
    ],
)
def test_the_readme_has_all_variables_with_their_defaults(
    head: str, settings: Callable[[], dict[str, object]]
) -> None:
    """A default is quoted, its absence is put into words."""
    text = README.read_text()
    found = {row[0].strip("`"): row[1] for row in _rows(text[text.index(head) :].split("\n\n")[0])}
    assert list(found) == list(settings())
    wrong = {name for name, default in settings().items() if default and found[name] != f"`{default}`"}
    assert wrong == set()


def test_each_step_has_a_section_with_what_it_hears() -> None:
    """In the order of the protocol, with each message that its queue takes, and whatever becomes of it."""
    headings = re.findall(r"^### (S[0-9]{3}) (\w+)$", PROTOCOL.read_text(), re.MULTILINE)
    assert [(step.lower(), name) for step, name in headings] == [
        (step, function.__name__) for step, function in HANDLERS.items()
    ]
    for step, name in headings:
        section = _section(f"### {step} {name}")
        words = re.findall(r"^- \*\*([A-Z]\w+)\.\*\*", section, re.MULTILINE)
        assert [word for word in words if word in {"Why", "In", "Out", "States", "Loss"}] == [
            *("Why", "In", "Out", "States", "Loss")
        ]
        heard = section.split("**In.**")[1].split("**Out.**")[0]
        assert _quoted(heard) & NAMES == {kind.__name__ for kind in accepts(step.lower())}


@pytest.mark.parametrize(
    ("heading", "states", "final"),
    [
        ("### Of a transfer", Transfer, FINAL_TRANSFER),
        ("### Of a receiver", Receiver, FINAL_RECEIVER),
    ],
)
def test_all_states_are_explained(
    heading: str, states: type[Transfer | Receiver], final: frozenset[Transfer | Receiver]
) -> None:
    """In their order, and which of them are final."""
    found = [(row[0].strip("`"), row[1]) for row in _rows(_section(heading))]
    assert found == [(str(state), "yes" if state in final else "no") for state in states]
    assert all(len(row) == 4 for row in _rows(_section(heading)))


def test_all_that_the_clock_says_is_due() -> None:
    """The table has each of its messages, and no other."""
    said = {word for row in _rows(_section("## What is due")) for word in _quoted(row[1])}
    assert said & NAMES == PROMPTS | {m.TransferClosed.__name__}


def test_all_reasons_to_drop_a_chunk_are_named() -> None:
    """Those of the chunk, and the spool's own."""
    assert {*Drop, spool.UNKNOWN_TRANSFER} <= _quoted(_section("## Beside the steps"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_names_what_is_not_there(document: Path) -> None:
    """Variables, metrics, steps, files; in the protocol also messages and words with an underscore."""
    text = document.read_text()
    variables = set(re.findall(r"\bROLLCAST_[A-Z_]+\b", text))
    assert variables <= {*tables.workers_settings(), *tables.client_settings(), *FROM_MAKE_UP}
    assert set(re.findall(r"\brollcast_[a-z_]+\b", text)) <= tables.metric_names()
    assert {step.lower() for step in re.findall(r"\b[Ss][0-9]{3}\b", text)} <= set(STEPS)
    files = set(re.findall(r"`((?:rollcast|workers|dev|tests|docs|schemas)/[\w./-]*)`", text))
    links = set(re.findall(r"\]\(([^)#:]+)\)", text))
    missing = [name for name in files if not (CHECKOUT / name).exists()]
    missing += [name for name in links if not (document.parent / name).exists()]
    assert missing == []


def test_the_protocol_names_only_messages_that_there_are() -> None:
    """Whatever is quoted and looks like a message, a state or a code is one."""
    quoted = _quoted(PROTOCOL.read_text())
    assert {word for word in quoted if re.fullmatch(r"(?:[A-Z][a-z]+){2,}", word)} <= NAMES
    known = {*Code, *Transfer, *Receiver, *Drop, *POOLS, *VERB_OF.values(), spool.UNKNOWN_TRANSFER}
    kinds: list[type[msgspec.Struct]] = [*MESSAGES.values(), TransferStatus]
    fields = {field for kind in kinds for field in kind.__struct_fields__}
    functions = {function.__name__ for function in HANDLERS.values()}
    others = {"all_or_nothing", "user_id", "delivery_limit"}
    assert {word for word in quoted if re.fullmatch(r"[a-z]+(?:_[a-z]+)+", word)} <= (
        known | fields | functions | others
    )


def test_decisions_are_numbered_and_fit_on_a_page() -> None:
    """From 1 on without a gap; each with context, decision and consequences."""
    for number, path in enumerate(DECISIONS, 1):
        text = path.read_text()
        assert path.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
        assert len(text.split()) < 450


def test_the_commands_and_the_program_of_the_readme_can_be_read() -> None:
    """Python compiles, and each command is one of `rollcast`'s."""
    blocks = re.findall(r"```(\w*)\n(.*?)```", README.read_text(), re.DOTALL)
    for program in (text for language, text in blocks if language == "python"):
        compile(program, "README.md", "exec")
    commands = [
        shlex.split(line) for _, text in blocks for line in text.splitlines() if line.startswith("rollcast ")
    ]
    assert {words[1] for words in commands} <= {
        *("admin", "parked", "send", "receive", "status", "list", "cancel", "retry")
    }
