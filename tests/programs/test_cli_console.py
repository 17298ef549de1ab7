"""Terminals of any size, and what is said of their size: nothing fails, and nothing goes on for ever."""

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable

import pytest
from rich.console import Console, ConsoleRenderable

from rollcast.cli import overview_picture, status_picture
from rollcast.cli.app import run
from rollcast.cli.console import LEAST_COLUMNS
from rollcast.cli.picture import Picture
from rollcast.cli.screen import _Screen
from rollcast.queries import Glance
from rollcast.states import Receiver, Transfer
from tests.unit.cli_samples import accepted, course, resolved
from tests.unit.test_cli_looking import NOW, receiving, transfer
from tests.unit.test_cli_sending import STARTED
from tests.unit.test_cli_top import busy

ABSURD = ("0", "00", "-5", "abc", "", "1.5", "٣", "9" * 20, "9" * 5000)
TINY = ("1", "2", "3")
TERMINALS = [(0, 0), (1, 1), (2, 1), (1, 2), (3, 5)]
"""Rows and columns."""


@pytest.mark.parametrize("size", [*ABSURD, *TINY], ids=lambda text: text[:8] or "empty")
def test_help_comes_to_an_end(
    size: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As wide as the terminal where nothing sensible is said of it, and never too narrow to be read."""
    monkeypatch.delenv("COLUMNS", raising=False)
    assert run(["list", "--help"]) == 0
    usual = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", size)
    monkeypatch.setenv("LINES", size)
    assert run(["list", "--help"]) == 0
    told = capsys.readouterr().out
    if size in ABSURD:
        assert told == usual
    else:
        assert max(map(len, told.splitlines())) == LEAST_COLUMNS
    assert run(["--help"]) == 0


@pytest.mark.parametrize(("rows", "columns"), TERMINALS[:2])
def test_help_on_a_tiny_terminal(rows: int, columns: int) -> None:
    """One that says nothing of its size, as over some connections, is taken for one of the usual size."""
    user, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES"}}
    with open(user, "rb", buffering=0) as reader:
        command = [sys.executable, "-m", "rollcast.cli", "list", "--help"]
        process = subprocess.Popen(
            command, env=environment | {"TERM": "xterm"}, stdout=terminal, stderr=terminal
        )
        os.close(terminal)
        seen = _read(reader)
        assert process.wait(60) == 0
    assert b"--limit" in seen


def _read(reader: io.FileIO) -> bytes:
    seen = b""
    try:
        while block := reader.read(65_536):
            seen += block
    except OSError:  # The end of a terminal.
        return seen
    return seen


def _sending() -> Picture:
    way = course()
    for event in (accepted(), resolved("bob@acme", "carol@acme"), STARTED):
        way.take(event)
    return Picture(way)


def _looking() -> _Screen:
    glance = Glance(transfer(Transfer.CASTING, {Receiver.RECEIVING: 1}), [receiving("bob@acme", 500)], NOW)
    return _Screen(lambda columns, rows: status_picture.draw(glance, columns, rows), "no answer for 3 s")


def _top() -> _Screen:
    return _Screen(lambda columns, rows: overview_picture.draw(busy(), columns, rows), "")


@pytest.mark.parametrize("made", [_sending, _looking, _top])
@pytest.mark.parametrize(("rows", "columns"), [size for size in TERMINALS if all(size)])
def test_pictures_fit_a_tiny_terminal(made: Callable[[], ConsoleRenderable], rows: int, columns: int) -> None:
    """Each line is as short as it has to be."""
    console = Console(file=io.StringIO(), force_terminal=True, width=columns, height=rows, color_system=None)
    with console.capture() as capture:
        console.print(made())
    assert all(len(line) <= columns for line in capture.get().splitlines())
