"""What `make` and the programs that it starts check before they set anything up or take anything away."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dev.broker import node
from dev.demo.__main__ import main as run_demo
from dev.packages import CHECKOUT, Missing

FROM_MAKE_UP = {"ROLLCAST_AMQP_URL": "amqp://operator:old@127.0.0.1:1/", "ROLLCAST_MANAGEMENT_PORT": "1"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with our Makefile, and with what `make up` leaves."""
    shutil.copy(CHECKOUT / "Makefile", tmp_path)
    (tmp_path / ".run").mkdir()
    (tmp_path / ".run" / "up.lock").touch()
    return tmp_path


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which nothing of Rollcast is set."""
    for name in [name for name in os.environ if name.startswith(("ROLLCAST_", "BROKER"))]:
        monkeypatch.delenv(name)
    return monkeypatch


def _clean(checkout: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["make", "clean"], cwd=checkout, capture_output=True, text=True, check=False)


def test_clean_takes_nothing_from_what_runs(checkout: Path) -> None:
    """It says what that is, and takes all away as soon as it has ended."""
    with (checkout / ".run" / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = _clean(checkout)
        assert refused.returncode
        assert "`make up` is running in this checkout: end it first." in refused.stderr
        assert (checkout / ".run").exists()
    assert _clean(checkout).returncode == 0
    assert not (checkout / ".run").exists()
    assert _clean(checkout).returncode == 0


def test_a_path_with_a_space_is_told_before_anything_is_started(
    unset: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """RabbitMQ's own scripts do not take one."""
    with pytest.raises(Missing, match=r"space in a path.*move the checkout"), node(tmp_path / "sp ace"):
        pass


def test_what_make_up_has_exported_names_no_broker(unset: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its operator could not set anything up: a terminal that has it gets a private node all the same."""
    for name, value in FROM_MAKE_UP.items():
        unset.setenv(name, value)
    with pytest.raises(Missing, match="space in a path"), node(tmp_path / "sp ace"):
        pass
    unset.delenv("ROLLCAST_MANAGEMENT_PORT")
    with pytest.raises(Missing, match="ROLLCAST_AMQP_URL is set"), node(tmp_path):
        pass


@pytest.mark.parametrize(("name", "told"), [("none", "does not exist"), (".", "is a folder")])
def test_the_demo_looks_at_its_file_first(
    name: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the set-up, with the words and the status of `rollcast send`."""
    assert run_demo([str(tmp_path / name)]) == 2
    assert told in capsys.readouterr().err
