"""The broker that tests and tools run on: of the version that was asked for, and nothing of it is left behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dev import broker, installation
from dev.broker import Broker, private_node
from dev.packages import CHECKOUT, Missing
from tests.waiting import wait_until

STARTER = """
import json, sys, time
from pathlib import Path
from dev.broker import private_node
with private_node(Path(sys.argv[1])) as node:
    print(json.dumps([node.version, node.pid]), flush=True)
    sys.stdin.read()
"""


def _named(name: str, monkeypatch: pytest.MonkeyPatch, node: Broker) -> None:
    monkeypatch.setenv("BROKER", name)
    monkeypatch.setenv("ROLLCAST_AMQP_URL", node.amqp_url)
    monkeypatch.setenv("ROLLCAST_MANAGEMENT_URL", node.management_url)


def _of(folder: Path) -> set[int]:
    """The processes that were started for a node's folder."""
    return {
        int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _names(path, folder)
    }


def _names(process: Path, folder: Path) -> bool:
    try:
        return bytes(folder) in (process / "mountinfo").read_bytes() + (process / "environ").read_bytes()
    except OSError:
        return False


def _mounts() -> str:
    return Path("/proc/self/mountinfo").read_text()


def test_it_has_the_version_that_was_asked_for(node: Broker) -> None:
    """Whether it is ours, or named by its URL."""
    series = installation.wanted()
    if series is None:
        pytest.skip("BROKER asks for none")
    assert installation.series_of(node.version) == series


def test_one_of_another_version_than_was_asked_for(
    node: Broker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is run on it would be told of the wrong version."""
    series = installation.series_of(node.version)
    _named(series, monkeypatch, node)
    with broker.node(tmp_path) as named:
        assert named.version == node.version
    other = next(name for name in installation.RELEASES if name != series)
    _named(other, monkeypatch, node)
    with (
        pytest.raises(Missing, match=f"BROKER={other} .* names RabbitMQ {node.version}"),
        broker.node(tmp_path),
    ):
        pass


@pytest.mark.long
def test_it_ends_with_who_started_it(tmp_path: Path) -> None:
    """Even by kill -9, with all its processes; a second one is not touched, and its data is kept.

    Nothing is mounted where others see it: what removes its folder, or the Debian in it, removes nothing else.
    """
    mounts = _mounts()
    folder = tmp_path / "ended"
    with private_node(tmp_path / "other") as other:
        starter = subprocess.Popen(
            [sys.executable, "-c", STARTER, str(folder)],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert starter.stdout is not None
        version, pid = json.loads(starter.stdout.readline())
        assert version == other.version
        assert _mounts() == mounts
        assert pid in _of(folder)
        assert Path(f"/proc/{pid}/comm").read_text().strip() == "beam.smp"
        os.kill(starter.pid, signal.SIGKILL)
        starter.communicate()
        wait_until(lambda: not _of(folder), f"{_of(folder)} end")
        assert other.serves
        with private_node(folder) as again:
            assert again.version == version
    assert not _of(tmp_path)
    assert _mounts() == mounts
