"""Where the RabbitMQ of a private node comes from."""

import subprocess
import sys
from pathlib import Path

import pytest

from dev import debian, installation
from dev.debian import Debian
from dev.packages import CHECKOUT, Missing

AS_NOBODY = """
import os, sys
from pathlib import Path
from dev import installation
from dev.packages import Missing
if os.geteuid() == 0:
    os.setuid(65534)
try:
    installation._debian("4.3")
except Missing as missing:
    sys.exit(str(missing))
"""


def test_an_unknown_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which there are."""
    monkeypatch.setenv("BROKER", "3.9")
    with pytest.raises(Missing, match=r"no BROKER=3\.9: RabbitMQ 3\.10, 4\.0, 4\.3"):
        installation.prepare()


@pytest.mark.parametrize("value", [None, ""])
def test_no_version(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is empty counts as not set."""
    monkeypatch.delenv("BROKER", raising=False)
    if value is not None:
        monkeypatch.setenv("BROKER", value)
    assert installation.wanted() is None


def test_a_debian_of_its_own_needs_root() -> None:
    """One sentence says so, and what to do instead."""
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "needs root: run it as root, or name a broker of that version by ROLLCAST_AMQP_URL." in done.stderr


def test_a_half_made_debian_is_made_anew(tmp_path: Path) -> None:
    """What an earlier attempt has left is no Debian, and does not come into the next one."""
    left = tmp_path / "none.partial" / "left"
    left.mkdir(parents=True)
    for _ in range(2):
        with pytest.raises(Missing, match=r"no-such-release could not be made \(.*none\.log says why\)"):
            debian.made(Debian("none", "no-such-release", ()), tmp_path)
    assert not left.exists()
    assert not (tmp_path / "none").exists()


def test_series() -> None:
    """Two numbers of the version, whatever these are."""
    assert installation.series_of("3.10.8") == "3.10"
    assert installation.series_of("4.3.0") == "4.3"
