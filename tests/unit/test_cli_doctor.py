"""What `rollcast doctor` says, and what it looks at by itself."""

import json
import time
from pathlib import Path

import pytest

from rollcast.cli.app import run
from rollcast.cli.findings import Found, each_once, lines, tell
from rollcast.cli.own_checks import SKEW, check_clock, check_files
from rollcast.credentials import Credentials
from rollcast.findings import fine, wrong
from rollcast.settings import ClientSettings

WELL, ILL = fine("version", "RabbitMQ 4.1.0"), wrong("pool s240", "nobody consumes its queue", "Start it.")


@pytest.fixture
def settings(tmp_path: Path) -> ClientSettings:
    """A home of its own."""
    return ClientSettings(tmp_path, None, ())


def test_a_line_for_each_finding() -> None:
    """What is well, and what is not with what to do; nothing in it is obeyed by a terminal."""
    rude = fine("x", "\x1b[2J\nok")
    assert lines([Found("main", WELL), Found("main", ILL), Found(None, rude)]) == [
        "ok  version    RabbitMQ 4.1.0",
        "!!  pool s240  nobody consumes its queue. Start it.",
        "ok  x          \\x1b[2J\\nok",
    ]


def test_of_several_servers_each_is_named() -> None:
    """What is this machine's is nobody's."""
    found = [Found(None, WELL), Found("acme", WELL), Found("globex", ILL)]
    assert [line[4:].split("  ")[0] for line in lines(found)] == [
        "version",
        "acme: version",
        "globex: pool s240",
    ]


def test_what_two_domains_of_a_server_find_is_told_once() -> None:
    """The first time; two faults of one thing in one answer are both told."""
    later = fine("version", "RabbitMQ 4.1.0, a second later")
    answers = [
        [Found("main", WELL), Found("main", ILL), Found("main", ILL)],
        [Found("main", later), Found("main", ILL)],
        [Found("other", later)],
    ]
    assert each_once(answers) == [*answers[0], Found("other", later)]


def test_what_one_worker_finds_wrong_is_wrong() -> None:
    """Each domain is answered for by any worker of the pool `operator`."""
    ill = wrong("version", "not to be had", "Look.")
    answers = [[Found("main", WELL), Found("main", ILL)], [Found("main", ill)], [Found("main", WELL)]]
    assert each_once(answers) == [Found("main", ILL), Found("main", ill)]


@pytest.mark.parametrize(
    ("found", "status", "said"), [([WELL], 0, "all is well"), ([WELL, ILL], 1, "1 of 2")]
)
def test_the_status_tells_whether_all_is_well(
    found: list[object], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As lines and as a document."""
    telling = [Found("main", one) for one in found]  # type: ignore[arg-type]
    assert tell(telling, json=False) == status
    told = capsys.readouterr()
    assert said in told.err
    assert len(told.out.splitlines()) == len(found)
    assert tell(telling, json=True) == status
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is (status == 0)
    first = {"server": "main", "subject": "version", "ok": True, "detail": "RabbitMQ 4.1.0", "remedy": None}
    assert document["findings"][0] == first


def test_credentials_are_for_their_owner(settings: ClientSettings) -> None:
    """Those of all addresses, or of one; the folder counts, too."""
    assert check_files(settings).detail.startswith("none are kept")
    assert check_files(settings, "/bob@acme").detail.startswith("none are kept")
    bob, carol = (Credentials(f"{name}@acme", "amqp://x").save(settings) for name in ("bob", "carol"))
    assert check_files(settings).ok
    carol.chmod(0o640)
    finding = check_files(settings)
    assert not finding.ok
    assert str(carol) in finding.detail
    assert finding.remedy == f"chmod -R go= {bob.parent}"
    assert check_files(settings, "bob@acme").ok
    bob.parent.chmod(0o755)
    assert not check_files(settings, "bob@acme").ok


@pytest.mark.parametrize(("off", "told"), [(0.0, "agrees"), (60.0, "60 s behind"), (-60.0, "60 s ahead of")])
def test_the_clock_of_this_machine(off: float, told: str) -> None:
    """Some seconds are within what a message takes."""
    finding = check_clock(int((time.time() + off) * 1_000_000))
    assert told in finding.detail
    assert finding.ok is (abs(off) <= SKEW)


def test_without_a_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What can be looked at is told all the same, and where nobody answers."""
    monkeypatch.setattr("rollcast.cli.access.PATIENCE", 0.1)
    monkeypatch.setenv("ROLLCAST_HOME", str(tmp_path))
    monkeypatch.setenv("ROLLCAST_AMQP_URL", "amqp://operator:secret@127.0.0.1:1/")
    monkeypatch.setenv("ROLLCAST_DOMAINS", "acme")
    assert run(["doctor"]) == 4
    credentials, broker = capsys.readouterr().out.splitlines()
    assert credentials.startswith("ok  credentials")
    assert broker.startswith("!!  broker       no broker answers at 127.0.0.1:1")
    assert broker.endswith("Check that RabbitMQ runs there and can be reached.")
    assert run(["doctor", "--json"]) == 4
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], [one["ok"] for one in document["findings"]]) == (False, [True, False])
