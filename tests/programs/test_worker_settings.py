"""What variables tell the workers: refused at the start if it cannot be used."""

import json
import os
import subprocess
import sys

import pytest

from rollcast.messages.values import MAX_DURATION
from workers.process.sources import UnusableSetting
from workers.settings import ALL, DAY_MS, Settings

PASSWORD = "0pen5esame"
BROKER = f"amqp://server-main:{PASSWORD}@127.0.0.1:1"
NEEDED = {"ROLLCAST_DOMAINS": "acme", "ROLLCAST_AMQP_URL": BROKER}
UNUSABLE = [
    ("ROLLCAST_SERVER", "Main"),
    ("ROLLCAST_DOMAINS", ","),
    ("ROLLCAST_DOMAINS", "acme,globex.example"),
    ("ROLLCAST_PEERS", "initech initrode"),
    ("ROLLCAST_SPOOL", "/var/lib/spool"),
    ("ROLLCAST_SPOOL", "file://spool"),
    ("ROLLCAST_SPOOL", "s3:///prefix"),
    ("ROLLCAST_SPOOL_QUOTA", "100G"),
    ("ROLLCAST_SPOOL_QUOTA", "5000000TiB"),
    ("ROLLCAST_SPOOL_QUOTA", "-1"),
    ("ROLLCAST_SPOOL_QUOTA", "1e9"),
    ("ROLLCAST_SPOOL_QUOTA", "9" * 30),
    ("ROLLCAST_METRICS_PORT", "http"),
    ("ROLLCAST_METRICS_PORT", "65536"),
    ("ROLLCAST_METRICS_PORT", "²"),
    ("ROLLCAST_RETENTION_DAYS", "a month"),
    ("ROLLCAST_RETENTION_DAYS", "nan"),
    ("ROLLCAST_RETENTION_DAYS", "inf"),
    ("ROLLCAST_RETENTION_DAYS", "-30"),
    ("ROLLCAST_RETENTION_DAYS", "11.5"),
    ("ROLLCAST_LOG_LEVEL", "verbose"),
    ("ROLLCAST_LOG_LEVEL", "10"),
    ("ROLLCAST_LOG_LEVEL", "critical"),
]
UNUSABLE_SECRETS = [
    ("ROLLCAST_AMQP_URL", f"http://server-main:{PASSWORD}@broker"),
    ("ROLLCAST_AMQP_URL", f"amqp://server-main:{PASSWORD}/x@broker"),
    ("ROLLCAST_AMQP_URL", f"amqp://server-main:1/{PASSWORD}@broker"),
    ("ROLLCAST_AMQP_URL", f"amqp://server-main:1?{PASSWORD}@broker"),
    ("ROLLCAST_AMQP_URL", f"amqp://server-main:1#{PASSWORD}@broker"),
    ("ROLLCAST_AMQP_URL", f"amqp://server-main:{PASSWORD}@broker:port"),
    ("ROLLCAST_AMQP_URL", f"amqp://server-main:{PASSWORD}@:5672"),
    ("ROLLCAST_AMQP_URL", f"amqp://server-main:{PASSWORD}@broker\n"),
    ("ROLLCAST_MANAGEMENT_URL", f"server-main:{PASSWORD}@broker:15672"),
    ("ROLLCAST_LEDGER", PASSWORD),
    ("ROLLCAST_LEDGER", f"mysql://rollcast:{PASSWORD}@database/rollcast"),
    ("ROLLCAST_LEDGER", f"postgresql://rollcast:{PASSWORD}@database:port/rollcast"),
    ("ROLLCAST_LEDGER", "sqlite://"),
    ("ROLLCAST_LEDGER", "sqlite:///:memory:"),
]


def refused(environment: dict[str, str]) -> UnusableSetting:
    """The error that these settings end in."""
    with pytest.raises(UnusableSetting) as raised:
        Settings.read(environment)
    assert raised.value.hint
    return raised.value


@pytest.mark.parametrize(("name", "value"), UNUSABLE)
def test_what_cannot_be_used_isrefused(name: str, value: str) -> None:
    """The message has the variable's name and what it was set to."""
    assert str(refused({**NEEDED, name: value})).startswith(f"{name} is {value!r}, and not a")


@pytest.mark.parametrize(("name", "value"), UNUSABLE_SECRETS)
def test_what_cannot_be_used_and_may_be_secret_is_not_told(name: str, value: str) -> None:
    """The message has the variable's name and what is wanted instead, and no error behind it has the value."""
    error = refused({**NEEDED, name: value})
    assert str(error).startswith(f"{name} is not an address such as ")
    assert PASSWORD not in f"{error} {error.hint} {error.__cause__}"


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_needed(name: str) -> None:
    """A variable without a default is asked for by its name; an empty one is none."""
    assert str(refused({**NEEDED, name: ""})) == f"{name} is not set"


@pytest.mark.parametrize("user", ["", "admin:x@", "server-east:x@"])
def test_the_broker_user_is_the_servers(user: str) -> None:
    """What another one said, the other servers would take for a forgery."""
    error = refused({**NEEDED, "ROLLCAST_AMQP_URL": f"amqp://{user}broker"})
    assert str(error).endswith("the server 'main' has to be server-main")
    given = {**NEEDED, "ROLLCAST_SERVER": "east", "ROLLCAST_AMQP_URL": "amqp://server%2Deast@broker"}
    assert Settings.read(given).user == "server-east"


def test_defaults() -> None:
    """What is not given, or empty, is as the table says."""
    empty = {setting.variable: "" for setting in ALL if setting.default is not None}
    for environment in (NEEDED, {**empty, **NEEDED}):
        read = Settings.read(environment)
        assert (read.server, read.domains, read.peers) == ("main", ("acme",), ())
        assert (read.amqp_url, read.management_url) == (BROKER, None)
        assert (read.ledger_url, read.spool_url) == (
            "sqlite:///rollcast.db",
            "file:///var/lib/rollcast/spool",
        )
        assert (read.spool_quota, read.metrics_port, read.retention_days) == (100 * 1024**3, 9464, 30)
        assert read.log_level == "info"


def test_numbers() -> None:
    """They are taken as they stand."""
    given = {
        "ROLLCAST_SPOOL_QUOTA": "0",
        "ROLLCAST_METRICS_PORT": "0",
        "ROLLCAST_RETENTION_DAYS": "12.5",
    }
    read = Settings.read({**NEEDED, **given})
    assert (read.spool_quota, read.metrics_port, read.retention_days) == (0, 0, 12.5)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("100GiB", 100 * 1024**3),
        ("1.5 gib", 3 * 1024**3 // 2),
        ("500kB", 500_000),
        ("107374182400", 100 * 1024**3),
        (str(2**62), 2**62),
    ],
)
def test_sizes(text: str, count: int) -> None:
    """As at the command line; a number counts bytes."""
    assert Settings.read({**NEEDED, "ROLLCAST_SPOOL_QUOTA": text}).spool_quota == count


@pytest.mark.parametrize("level", ["debug", "INFO", "Warning", "ERROR"])
def test_levels(level: str) -> None:
    """In small and in large letters."""
    assert Settings.read({**NEEDED, "ROLLCAST_LOG_LEVEL": level}).log_level == level.lower()


def test_a_wrong_level_ends_it() -> None:
    """With status 2, and the levels that there are."""
    done = _workers("s200", **NEEDED, ROLLCAST_LOG_LEVEL="verbose")
    assert done.returncode == 2
    (line,) = map(json.loads, done.stderr.splitlines())
    assert (line["level"], line["code"]) == ("error", "bad_setting")
    assert line["event"] == (
        "ROLLCAST_LOG_LEVEL is 'verbose', and not a level: debug, info, warning or error"
    )


def test_a_closing_is_remembered_for_as_long_as_a_transfer_may_last() -> None:
    """The shortest time that is taken is not shorter than the longest transfer."""
    longest = MAX_DURATION / DAY_MS
    refused({**NEEDED, "ROLLCAST_RETENTION_DAYS": f"{longest - 0.01}"})
    assert Settings.read({**NEEDED, "ROLLCAST_RETENTION_DAYS": "12"}).retention_days >= longest


def test_help_has_all_settings() -> None:
    """And what the exit statuses mean, on standard output."""
    done = _workers("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(name in done.stdout for setting in ALL for name in setting.variables)


@pytest.mark.parametrize("words", [["s230", "s245"], ["migrate", "s200"], ["--debug"]])
def test_wrong_usage(words: list[str]) -> None:
    """Status 2."""
    done = _workers(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such pool" in done.stderr


def _workers(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ROLLCAST_")}
    return subprocess.run(
        [sys.executable, "-m", "workers", *words],
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
