"""What the workers are told by the environment: refused at the start if it cannot be used."""

import os
import subprocess
import sys

import pytest

from rollcast.errors import Permanent
from rollcast.messages.values import MAX_DURATION
from workers.settings import DAY_MS, Settings

NEEDED = {"ROLLCAST_DOMAINS": "acme", "ROLLCAST_AMQP_URL": "amqp://nobody@127.0.0.1:1"}
UNUSABLE = [
    ("ROLLCAST_SPOOL_QUOTA", "100GiB"),
    ("ROLLCAST_SPOOL_QUOTA", "-1"),
    ("ROLLCAST_SPOOL_QUOTA", "1e9"),
    ("ROLLCAST_SPOOL_QUOTA", "9" * 30),
    ("ROLLCAST_METRICS_PORT", ""),
    ("ROLLCAST_METRICS_PORT", "http"),
    ("ROLLCAST_METRICS_PORT", "65536"),
    ("ROLLCAST_METRICS_PORT", "²"),
    ("ROLLCAST_RETENTION_DAYS", "a month"),
    ("ROLLCAST_RETENTION_DAYS", "nan"),
    ("ROLLCAST_RETENTION_DAYS", "inf"),
    ("ROLLCAST_RETENTION_DAYS", "-30"),
    ("ROLLCAST_RETENTION_DAYS", "11.5"),
]


@pytest.mark.parametrize(("name", "value"), UNUSABLE)
def test_what_cannot_be_used_is_refused(name: str, value: str) -> None:
    """The message has the variable's name and what it was set to."""
    with pytest.raises(Permanent) as refused:
        Settings.read({**NEEDED, name: value})
    assert name in str(refused.value)
    assert value in str(refused.value)
    assert refused.value.hint


def test_what_is_needed() -> None:
    """A variable without a default is asked for by its name."""
    with pytest.raises(Permanent, match="ROLLCAST_DOMAINS is not set"):
        Settings.read({})


def test_numbers() -> None:
    """They are taken as they stand, and have defaults that can be used."""
    given = {
        "ROLLCAST_SPOOL_QUOTA": "0",
        "ROLLCAST_METRICS_PORT": "0",
        "ROLLCAST_RETENTION_DAYS": "12.5",
    }
    read = Settings.read({**NEEDED, **given})
    assert (read.spool_quota, read.metrics_port, read.retention_days) == (0, 0, 12.5)
    usual = Settings.read(NEEDED)
    assert (usual.spool_quota, usual.metrics_port, usual.retention_days) == (100 * 1024**3, 9464, 30)


def test_a_closing_is_remembered_for_as_long_as_a_transfer_may_last() -> None:
    """The shortest time that is taken is not shorter than the longest transfer."""
    longest = MAX_DURATION / DAY_MS
    with pytest.raises(Permanent, match="ROLLCAST_RETENTION_DAYS"):
        Settings.read({**NEEDED, "ROLLCAST_RETENTION_DAYS": f"{longest - 0.01}"})
    assert Settings.read({**NEEDED, "ROLLCAST_RETENTION_DAYS": "12"}).retention_days >= longest


def test_the_process_says_so_and_ends() -> None:
    """Status 1 and two sentences on standard error, no traceback."""
    told = {**os.environ, **NEEDED, "ROLLCAST_RETENTION_DAYS": "7"}
    done = subprocess.run(
        [sys.executable, "-m", "workers"], env=told, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("ROLLCAST_RETENTION_DAYS is 7, and not between 12 and ")
