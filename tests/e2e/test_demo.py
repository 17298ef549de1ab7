"""The demo, as `make demo` runs it, and by its parts: it succeeds, it notices a changed byte, it leaves nothing."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from dev.broker import Broker, private_node
from dev.demo.__main__ import FOLDER
from dev.demo.checks import faults
from dev.demo.play import Refused, conclude, play
from dev.demo.roles import RECEIVERS, SENDER
from dev.deployment import SERVER_PER_DOMAIN, Deployment, deployment
from dev.packages import CHECKOUT
from dev.ports import free
from rollcast.cli.exits import Exit
from rollcast.reasons import Code

pytestmark = pytest.mark.long

ODD = "-Übersicht $x'(1) 🎲.txt"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of its own: the addresses of the demo are always the same."""
    with private_node(tmp_path_factory.mktemp("demo") / "broker") as made:
        yield made


@pytest.fixture
def running(tmp_path: Path, node: Broker) -> Iterator[Deployment]:
    """A server for each domain."""
    with deployment(tmp_path, node, SERVER_PER_DOMAIN) as servers:
        yield servers


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("ROLLCAST_")}
    return {**inherited, **given}


def _start(environment: Mapping[str, str], *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "dev.demo", *arguments],
        env=_environment(environment),
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _left_running() -> list[str]:
    """Processes that were given the demo's folder in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{FOLDER}/".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


def test_the_demo_sends_an_empty_file_with_an_odd_name(node: Broker, tmp_path: Path) -> None:
    """Everything by processes, and a report that names each receiver with its end."""
    source = tmp_path / ODD
    source.touch()
    broker = {"ROLLCAST_AMQP_URL": node.amqp_url, "ROLLCAST_MANAGEMENT_URL": node.management_url}
    demo = _start(broker, str(source))
    output, _ = demo.communicate(timeout=100)
    assert demo.returncode == 0, output
    report = output[output.index("S310") :]
    for role in RECEIVERS:
        line = next(line for line in report.splitlines() if line.split()[:1] == [role.address])
        assert role.end in line.split()
        assert role.reason is None or f"{role.reason}: " in line
    assert _left_running() == []


def test_one_changed_byte_on_disk_fails_the_demo(
    running: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What receivers say does not count, only what they have."""
    source = tmp_path / "plan.bin"
    source.write_bytes(secrets.token_bytes(3 * 1024 * 1024 + 1))
    outcome = play(running, source, tmp_path)
    assert faults(outcome) == []
    assert conclude(outcome) == 0
    received = next(iter(outcome.delivered.values()))
    content = bytearray(received.read_bytes())
    content[-1] ^= 1
    received.write_bytes(content)
    assert conclude(outcome) == 1
    assert str(received) in capsys.readouterr().err


def test_a_file_name_that_cannot_be_sent_ends_with_the_error_of_send(
    running: Deployment, tmp_path: Path
) -> None:
    """The server refuses the name, and the demo passes that on."""
    source = tmp_path / "two\nlines"
    source.touch()
    with pytest.raises(Refused) as refused:
        play(running, source, tmp_path)
    assert refused.value.error["code"] == Code.INVALID_FILE_NAME
    assert refused.value.status == Exit.REFUSED


def test_told_to_end_in_the_middle_it_leaves_nothing_behind() -> None:
    """Not its own broker either."""
    demo = _start({})
    assert demo.stdout is not None
    while "asked" not in (line := demo.stdout.readline()):
        assert line, "the demo ended too early"
    assert _left_running() != []
    demo.send_signal(signal.SIGTERM)
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 128 + signal.SIGTERM, output
    assert _left_running() == []


def test_without_a_broker_it_says_so_in_a_sentence() -> None:
    """Exit status 2, and no traceback."""
    (port,) = free(1)
    demo = _start({"ROLLCAST_AMQP_URL": f"amqp://{SENDER.partition('@')[0]}@127.0.0.1:{port}/"})
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 2
    assert "ROLLCAST_AMQP_URL" in output.strip().splitlines()[-1]
    assert "Traceback" not in output
