"""The documents say what the code does: each message, step, state, reason, metric and variable, both ways."""

import ast
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from dev import metrics_page
from dev.packages import CHECKOUT
from dev.schemas import FOLDER
from dev.schemas.operations import ANSWERS
from rollcast import messages as m
from rollcast.chunks import Drop
from rollcast.cli import parked
from rollcast.messages import MESSAGES
from rollcast.messages.values import TransferStatus
from rollcast.reasons import Code
from rollcast.states import FINAL_RECEIVER, FINAL_TRANSFER, Receiver, Transfer
from rollcast.topology import POOLS, STEPS, VERB_OF, accepts
from tests.unit import document_tables as tables
from workers import clock, metrics
from workers.pools import WITH_THE_SPOOL
from workers.spool import chunk_checks
from workers.steps import STEPS as HANDLERS

README, PROTOCOL = CHECKOUT / "README.md", CHECKOUT / "docs" / "protocol.md"
GUARANTEES = CHECKOUT / "docs" / "guarantees.md"
PRODUCERS = CHECKOUT / "docs" / "producers.md"
DECISIONS = sorted((CHECKOUT / "docs" / "adr").glob("*.md"))
DOCUMENTS = [
    README,
    PROTOCOL,
    GUARANTEES,
    metrics_page.PAGE,
    CHECKOUT / "docs" / "operations.md",
    *sorted((CHECKOUT / "deploy").rglob("README.md")),
    PRODUCERS,
    CHECKOUT / "docs" / "screens.md",
    CHECKOUT / "docs" / "testing.md",
    CHECKOUT / "CHANGELOG.md",
    FOLDER / "README.md",
    *DECISIONS,
]
CHUNK_FAULTS = {*Drop, chunk_checks.UNKNOWN_TRANSFER, chunk_checks.ENDED, chunk_checks.FAULT}
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


def test_the_page_of_metrics_is_up_to_date() -> None:
    """It is the code's list, word for word; `python -m dev.metrics_page` writes it."""
    assert metrics_page.PAGE.read_text() == metrics_page.page()


def test_every_metric_is_on_the_page() -> None:
    """Each in one section, with a help text that says more than its name, and only labels that are explained."""
    listed = [metric for section in metrics.SECTIONS.values() for metric in section]
    known = [metric for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)]
    assert sorted(map(id, listed)) == sorted(map(id, known))
    assert all(len(metric._documentation.split()) > 4 for metric in listed)
    assert {label for metric in listed for label in metric._labelnames} <= metrics.LABELS.keys()


def test_the_readme_has_all_dependencies_as_locked() -> None:
    """And no others."""
    rows = [line for line in README.read_text().split("## Dependencies")[1].splitlines() if line[:2] == "| "]
    assert [line.rsplit(" | ", 1)[0] + " |" for line in rows[2:]] == tables.dependencies()


@pytest.mark.parametrize("expected", [tables.workers_settings, tables.workers_statuses])
def test_the_readme_has_what_operators_of_workers_need(expected: Callable[[], str]) -> None:
    """These tables are the code's, word for word."""
    assert expected() in README.read_text()


def test_the_readme_says_which_pools_need_the_spool() -> None:
    """The others may run where it is not."""
    *names, last = (f"`{pool}`" for pool in sorted(WITH_THE_SPOOL))
    assert f"{', '.join(names)} or {last}" in README.read_text()


def test_the_readme_has_all_variables_of_terminals_with_their_defaults() -> None:
    """A default is quoted, its absence is put into words."""
    text = README.read_text()
    head = "| variable of terminals and operators |"
    found = {row[0].strip("`"): row[1] for row in _rows(text[text.index(head) :].split("\n\n")[0])}
    settings = tables.client_settings()
    assert list(found) == list(settings)
    wrong = {name for name, default in settings.items() if default and found[name] != f"`{default}`"}
    assert wrong == set()


def test_each_step_has_a_section_with_what_it_hears() -> None:
    """In the order of the protocol, with each message that its queue takes, and whatever becomes of it."""
    headings = re.findall(r"^### (S[0-9]{3}|OPERATOR) (\w+)$", PROTOCOL.read_text(), re.MULTILINE)
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
    assert _quoted(_section("## Beside the steps")) >= CHUNK_FAULTS


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_names_what_is_not_there(document: Path) -> None:
    """Variables, metrics, steps, files; in the protocol also messages and words with an underscore."""
    text = document.read_text()
    variables = set(re.findall(r"\bROLLCAST_[A-Z_]+\b", text))
    assert variables <= {*tables.workers_variables(), *tables.client_settings(), *FROM_MAKE_UP}
    volumes = {
        f"rollcast_{name}"
        for name in yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())["volumes"]
    }
    metrics = metrics_page.names() | {name.removesuffix("_total") for name in metrics_page.names()}
    assert set(re.findall(r"\brollcast_[a-z_]+\b", text)) <= metrics | volumes
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
    known = {
        *Code,
        *Transfer,
        *Receiver,
        *Drop,
        *POOLS,
        *VERB_OF.values(),
        chunk_checks.UNKNOWN_TRANSFER,
        chunk_checks.ENDED,
        chunk_checks.FAULT,
    }
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


def test_the_contract_says_which_verbs_are_answered() -> None:
    """Each of them, and no other."""
    text = (FOLDER / "README.md").read_text()
    (sentence,) = re.findall(r"^(`register`.*?) are answered", text, re.MULTILINE)
    assert _quoted(sentence) == {word for kind, word in VERB_OF.items() if kind in ANSWERS}


def test_the_producer_s_libraries_are_exact_and_name_no_registry() -> None:
    """As the Python ones; and the document tells of each."""
    needed = json.loads((PRODUCERS.with_suffix("") / "package.json").read_text())["dependencies"]
    lock = json.loads((PRODUCERS.with_suffix("") / "package-lock.json").read_text())["packages"]
    locked = {path.removeprefix("node_modules/"): package for path, package in lock.items() if path}
    assert {name: package["version"] for name, package in locked.items()} == needed
    assert all("integrity" in package and "resolved" not in package for package in locked.values())
    assert all(f"[{name}](" in PRODUCERS.read_text() for name in needed)


def test_commands_are_not_run_with_nothing() -> None:
    """Where no message is found, `xargs` without `-r` runs `rollcast` without an id."""
    helps = [parked.HELP, parked.REPLAY_HELP, parked.DROP_HELP]
    assert not [text for text in (*helps, *map(Path.read_text, DOCUMENTS)) if "xargs rollcast" in text]


def test_the_commands_and_the_program_of_the_readme_can_be_read() -> None:
    """Python compiles, and each command is one of `rollcast`'s."""
    blocks = re.findall(r"```(\w*)\n(.*?)```", README.read_text(), re.DOTALL)
    for program in (text for language, text in blocks if language == "python"):
        compile(program, "README.md", "exec")
    commands = [
        shlex.split(line) for _, text in blocks for line in text.splitlines() if line.startswith("rollcast ")
    ]
    assert {words[1] for words in commands} <= {
        *("admin", "parked", "send", "receive", "status", "list", "top", "doctor", "cancel", "retry", "watch")
    }


def test_all_codes_of_errors_are_explained() -> None:
    """Each that is in the code, and no other; reasons have a table of their own."""
    folders = (CHECKOUT / name for name in ("rollcast", "workers"))
    modules = [ast.parse(path.read_text()) for folder in folders for path in folder.rglob("*.py")]
    used = {code for module in modules for node in ast.walk(module) for code in _codes(node)}
    explained = _quoted((CHECKOUT / "docs" / "screens.md").read_text().split("## Errors as documents")[1])
    assert {word for word in explained if re.fullmatch("[a-z]+(_[a-z]+)*", word)} == used - set(Code)


def _codes(node: ast.AST) -> Iterator[str]:
    """What stands behind `code =`, in a class of errors or where one is raised."""
    match node:
        case ast.keyword(arg="code", value=ast.Constant(value=str(code))):
            yield code
        case ast.Assign(targets=[ast.Name(id="code" | "NO_RECORD")], value=ast.Constant(value=str(code))):
            yield code
