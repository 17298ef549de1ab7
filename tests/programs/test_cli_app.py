"""The command line as a whole, as far as it comes without a broker."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rollcast.cli import transfers
from rollcast.cli.app import run
from rollcast.credentials import Credentials
from rollcast.settings import ClientSettings
from tests.unit.offers import TRANSFER

COMMANDS = (
    "send",
    "receive",
    "status",
    "list",
    "top",
    "doctor",
    "cancel",
    "retry",
    "watch",
    "admin",
    "admin add",
    "admin list",
    "admin remove",
    "admin suspend",
    "admin resume",
    "parked",
    "parked list",
    "parked show",
    "parked replay",
    "parked drop",
)
NOBODY_THERE = "amqp://x:y@127.0.0.1:1/"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the credentials of alice, who cannot reach her broker; no operator."""
    for name in ("ROLLCAST_AMQP_URL", "ROLLCAST_DOMAINS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROLLCAST_HOME", str(tmp_path))
    monkeypatch.setattr("rollcast.cli.access.PATIENCE", 0.1)
    Credentials("alice@acme", NOBODY_THERE).save(ClientSettings.read())
    Credentials("eve@acme", "http://localhost").save(ClientSettings.read())
    return tmp_path


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("sned", 2, "did you mean"),
        ("send", 2, "FILE"),
        ("send f --to bob@acme", 2, "--as"),
        ("send f --as alice@acme", 2, "nobody to send to"),
        ("send f --as alice@acme --to", 2, "--to"),
        ("send f --as alice@acme --to bob", 2, "'bob' is not an address"),
        ("send f --as alice@acme --to bob@acme --upload soon", 2, "live"),
        ("send f --as alice@acme --to bob@acme --expires soon", 2, "24h"),
        ("send f --as alice@acme --to bob@acme --expires 0", 2, "'0' is no time at all"),
        ("send f --as alice@acme --to bob@acme --consent-timeout -5s", 2, "'-5s' is not a duration"),
        ("send f --as alice@acme --to bob@acme --expires 30s", 2, "(60 s) is longer than --expires (30 s)"),
        ("send f --as alice@acme --to bob@acme --list-policy maybe", 2, "'maybe' is not a list policy"),
        ("send f --as alice@acme --to bob@acme --list-policy at_least:2", 2, "never be met by 1 recip"),
        ("send f --as alice@acme --to bob@acme --dry-run --detach", 2, "--dry-run sends nothing"),
        ("send f --as alice@acme --to-file missing", 2, "missing"),
        ("send f --as ALICE@acme --to bob@acme", 2, "is not an address"),
        ("send f --as dave@acme --to bob@acme", 2, "credentials/dave@acme.json does not exist"),
        ("send f --as eve@acme --to bob@acme", 2, "credentials of eve@acme"),
        ("send f --as alice@acme --to bob@acme", 4, "no broker answers at 127.0.0.1:1"),
        (f"send --resume {TRANSFER}", 2, f"nothing is kept here of transfer {TRANSFER}"),
        (f"send --resume {TRANSFER} f", 2, "without FILE"),
        (f"send --resume {TRANSFER} --detach --expires 24h", 2, "without --detach and --expires"),
        ("send --resume x", 2, "transfer id"),
        (f"cancel {TRANSFER}", 2, "give --as"),
        (f"cancel {TRANSFER} --as alice@acme", 4, "no broker answers"),
        (f"retry {TRANSFER}", 2, "give --as"),
        (f"retry {TRANSFER} --as alice@acme", 4, "no broker answers"),
        (f"retry {TRANSFER} f", 2, "give --as"),
        (f"retry {TRANSFER} f --as alice@acme", 4, "no broker answers"),
        ("watch", 2, "DIR"),
        ("watch . --as alice@acme", 2, "nobody to send to"),
        ("watch missing --as alice@acme --to bob@acme", 2, "missing cannot be watched: No such file"),
        ("watch /etc/passwd --as alice@acme --to bob@acme", 2, "cannot be watched: Not a directory"),
        ("watch . --as dave@acme --to bob@acme", 2, "credentials/dave@acme.json does not exist"),
        ("watch . --as alice@acme --to bob@acme --expires 30s", 2, "longer than --expires (30 s)"),
        ("watch . --as alice@acme --to bob@acme --settle soon", 2, "90s"),
        ("watch . --as alice@acme --to bob@acme --list-policy maybe", 2, "'maybe' is not a list policy"),
        ("receive --as alice@acme --into in --accept all --count 0", 2, "--count"),
        ("receive --as alice@acme --into in --accept some", 2, "--accept"),
        ("receive --as alice@acme --into in --accept all --max-file-size big", 2, "100MiB"),
        ("receive --as alice@acme --into /proc/nowhere --accept all", 2, "/proc/nowhere"),
        ("receive --as alice@acme --into in --accept all", 4, "no broker answers"),
        (f"status {TRANSFER[:-1]} --as alice@acme", 2, "transfer id"),
        (f"status {TRANSFER} --as alice@acme", 4, "no broker answers"),
        (f"status {TRANSFER}", 2, "ROLLCAST_AMQP_URL is not set"),
        ("list", 2, "ROLLCAST_AMQP_URL is not set"),
        ("list --as alice@acme", 4, "no broker answers"),
        ("list --limit 0", 2, "--limit"),
        ("top", 2, "ROLLCAST_AMQP_URL is not set"),
        ("doctor", 2, "ROLLCAST_AMQP_URL is not set"),
        ("doctor --as dave@acme", 2, "credentials/dave@acme.json does not exist"),
        ("admin add BOB", 2, "is not an address"),
        ("admin list", 2, "ROLLCAST_AMQP_URL is not set"),
    ],
)
def test_an_error_is_a_status_and_a_sentence(
    words: str,
    status: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With --json it is a document as well; without, standard output stays empty."""
    monkeypatch.chdir(tmp_path)
    assert run(words.split()) == status
    told = capsys.readouterr()
    assert told.out == ""
    assert said.lower() in told.err.lower()
    assert told.err.startswith("rollcast: ")
    assert told.err.count("\n") == 1
    if not words.startswith("admin"):
        assert run([*words.split(), "--json"]) == status
        error = json.loads(capsys.readouterr().out)["error"]
        assert set(error) == {"code", "message", "hint"}
        assert said.lower() in f"{error['message']} {error['hint']}".lower()


def test_an_unknown_command_points_to_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """That has all commands, where a line of them would have some."""
    assert run(["nonsense"]) == 2
    assert capsys.readouterr().err == 'rollcast: unknown command "nonsense"; see `rollcast --help`.\n'


@pytest.mark.parametrize(
    "url", ["acme", "http://localhost", "amqp://", "amqp://localhost:port", "amqp://[::1"]
)
def test_an_operator_without_a_usable_url(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That is wrong usage, and no fault of ours; its password is not repeated."""
    monkeypatch.setenv("ROLLCAST_AMQP_URL", url)
    monkeypatch.setenv("ROLLCAST_DOMAINS", "acme")
    assert run(["list"]) == 2
    assert "ROLLCAST_AMQP_URL is not an address of a broker" in capsys.readouterr().err


def test_an_operator_keeps_to_the_domains(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody would answer for another one."""
    monkeypatch.setenv("ROLLCAST_AMQP_URL", NOBODY_THERE)
    assert run(["list"]) == 2
    assert "ROLLCAST_DOMAINS is not set" in capsys.readouterr().err
    monkeypatch.setenv("ROLLCAST_DOMAINS", "acme, globex")
    assert run(["admin", "add", "bob@initech"]) == 2
    assert "initech is not among your domains (acme, globex)" in capsys.readouterr().err
    assert run(["admin", "list"]) == 4


def test_a_fault_of_ours_comes_with_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And only such a one does."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("1/0\x1b[2J")

    monkeypatch.setattr(transfers, "list_transfers", broken)
    assert run(["list", "--json"]) == 70
    told = capsys.readouterr()
    assert json.loads(told.out)["error"]["code"] == "internal_error"
    assert told.err.startswith("Traceback")
    assert "\x1b" not in told.err


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_tells_what_is_needed(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every page has the statuses; the first page has the environment, and `send` all of its statuses."""
    assert run([*command.split(), "--help"]) == 0
    page = capsys.readouterr().out
    environment = ("ROLLCAST_HOME", "ROLLCAST_AMQP_URL", "ROLLCAST_DOMAINS")
    words = {"": environment, "send": ("put their decision off",)}.get(command, ("`rollcast --help`",))
    for word in ("Exit status:", "130", *words):
        assert word in page
    if command in {
        "",
        "send",
        "receive",
        "status",
        "list",
        "top",
        "doctor",
        "cancel",
        "retry",
        "admin",
        "admin add",
    }:
        assert f"  rollcast {command}" in page


def test_whoever_reads_may_leave_or_never_have_been_there(home: Path) -> None:
    """A broken pipe is no traceback, and a closed standard error sends nothing into standard output."""
    command = f"{sys.executable} -m rollcast.cli list --as dave@acme --json"
    environment = {**os.environ, "ROLLCAST_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    for line in (f"{command} | true", f"{{ {command} 2>&1 >/dev/null; }} | true", f"{command} 2>&-"):
        ended = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 2
        assert "Traceback" not in ended.stderr
        assert all("error" in json.loads(document) for document in ended.stdout.splitlines())
    helped = ["bash", "-o", "pipefail", "-c", f"{sys.executable} -m rollcast.cli --help | true"]
    assert subprocess.run(helped, env=environment, check=False).returncode == 0
    full = subprocess.run(
        ["bash", "-c", f"{command} >/dev/full"], env=environment, capture_output=True, check=False
    )
    assert full.returncode == 2
    assert b"Traceback" not in full.stderr


def test_an_error_that_cannot_be_told_is_none_the_less_one(home: Path) -> None:
    """Standard error lies on a full disk: status and document are what they would be."""
    command = [sys.executable, "-m", "rollcast.cli", "list", "--as", "dave@acme", "--json"]
    environment = {**os.environ, "ROLLCAST_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=full, check=False)
    assert ended.returncode == 2
    assert "error" in json.loads(ended.stdout)


WARNS = """
import sys, warnings
from rollcast.cli import app, main
app.run = lambda _: warnings.warn("of a library", RuntimeWarning) or 0
main()
"""


@pytest.mark.parametrize(("options", "told"), [([], False), (["-W", "default"], True)])
def test_warnings_of_libraries_are_for_developers(options: list[str], *, told: bool) -> None:
    """Who wants them asks Python for them."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("PYTHONWARNINGS", None)
    words = [sys.executable, *options, "-c", WARNS]
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0
    assert ("of a library" in ended.stderr) is told


INTERRUPTED = """
import os, signal
from rollcast.cli import app, main
app.run = lambda _: os.kill(os.getpid(), signal.SIGINT)
main()
"""


def test_who_is_interrupted_outside_of_a_command_says_so_by_the_status() -> None:
    """And is not ended by the signal, nor with a traceback."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-c", INTERRUPTED]
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, "")
