"""Variables that begin like settings and are none: misspelt ones end a worker, others are told of."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rollcast import settings as terminals
from rollcast.settings import misspelt
from tests.programs.test_worker_settings import NEEDED, refused
from workers.process.strays import unknown
from workers.settings import ALL, Settings

OF_A_SERVICE = {
    "ROLLCAST_RABBITMQ_SERVICE_HOST": "10.96.0.7",
    "ROLLCAST_RABBITMQ_SERVICE_PORT": "5672",
    "ROLLCAST_RABBITMQ_SERVICE_PORT_AMQP": "5672",
    "ROLLCAST_RABBITMQ_PORT": "tcp://10.96.0.7:5672",
    "ROLLCAST_RABBITMQ_PORT_5672_TCP": "tcp://10.96.0.7:5672",
    "ROLLCAST_RABBITMQ_PORT_5672_TCP_PROTO": "tcp",
    "ROLLCAST_RABBITMQ_PORT_5672_TCP_PORT": "5672",
    "ROLLCAST_RABBITMQ_PORT_5672_TCP_ADDR": "10.96.0.7",
    "ROLLCAST_SERVICE_HOST": "10.96.0.8",
    "ROLLCAST_SERVICE_PORT": "9464",
    "ROLLCAST_PORT": "tcp://10.96.0.8:9464",
    "ROLLCAST_METRIC_SERVICE_PORT_HTTP": "9464",
}
"""What Kubernetes sets for services called `rollcast-rabbitmq`, `rollcast` and `rollcast-metric`."""
OF_OTHERS = {
    "ROLLCAST_HOME": "/home",
    "ROLLCAST_MANAGEMENT_PORT": "15672",
    "ROLLCAST_CONFIG": "",
    "ROLLCAST_DOMAIN": "",
    "PATH": "/bin",
}
"""A terminal's, that of `make up`, and what is empty, or begins otherwise."""


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("ROLLCAST_DOMAIN", "ROLLCAST_DOMAINS"),
        ("ROLLCAST_AMQP_URI", "ROLLCAST_AMQP_URL or ROLLCAST_AMQP_URL_FILE"),
        ("ROLLCAST_AMQP_URL_FILES", "ROLLCAST_AMQP_URL_FILE or ROLLCAST_AMQP_URL"),
        ("ROLLCAST_LEDGER_URL", "ROLLCAST_LEDGER_FILE or ROLLCAST_LEDGER"),
        ("ROLLCAST_RETENTION", "ROLLCAST_RETENTION_DAYS"),
        ("ROLLCAST_LOGLEVEL", "ROLLCAST_LOG_LEVEL"),
        ("ROLLCAST_log_level", "ROLLCAST_LOG_LEVEL"),
        ("ROLLCAST_METRIC_PORT", "ROLLCAST_METRICS_PORT"),
        ("ROLLCAST_CONFIGS", "ROLLCAST_CONFIG"),
    ],
)
def test_a_misspelt_setting_is_refused(wrong: str, meant: str) -> None:
    """Though the right one may be set as well. Its value, which may be a secret, is not told."""
    error = refused({**NEEDED, wrong: "value"})
    assert str(error) == f"{wrong} is no setting"
    assert error.hint.startswith(f"Is {meant} meant?")


def test_what_is_needed_and_misspelt() -> None:
    """It is not said to be missing."""
    given = {**NEEDED, "ROLLCAST_DOMAIN": "acme", "ROLLCAST_DOMAINS": ""}
    assert str(refused(given)) == "ROLLCAST_DOMAIN is no setting"


def test_what_others_set_is_theirs() -> None:
    """Of it no worker says anything."""
    given = {**NEEDED, **OF_A_SERVICE, **OF_OTHERS}
    assert Settings.read(given).domains == ("acme",)
    assert unknown(given, ALL) == []
    assert unknown({variable: "x" for setting in ALL for variable in setting.variables}, ALL) == []


@pytest.mark.parametrize("name", ["ROLLCAST_STAGE", "ROLLCAST_IMAGE_TAG", "ROLLCAST_USER", "ROLLCAST_"])
def test_what_is_like_no_setting_is_told(name: str) -> None:
    """It ends nothing."""
    given = {**NEEDED, name: "x"}
    assert unknown(given, ALL) == [name]
    assert Settings.read(given).domains == ("acme",)


def test_a_worker_warns_of_what_it_does_not_know() -> None:
    """Once, with what to do; and goes on."""
    done = _run(
        "workers", "migrate", **NEEDED, ROLLCAST_STAGE="test", ROLLCAST_LEDGER="sqlite:////nowhere/x.db"
    )
    (line,) = [found for found in map(json.loads, done.stderr.splitlines()) if found["level"] == "warning"]
    assert line["event"] == "no setting of workers: ROLLCAST_STAGE"
    assert "Unset them" in line["hint"]


def test_a_worker_with_a_misspelt_setting_ends() -> None:
    """With status 2: starting it again does not help."""
    done = _run("workers", "migrate", **NEEDED, ROLLCAST_LEDGERS="sqlite:////nowhere/x.db")
    assert done.returncode == 2
    (line,) = map(json.loads, done.stderr.splitlines())
    assert (line["event"], line["code"]) == ("ROLLCAST_LEDGERS is no setting", "bad_setting")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"ROLLCAST_HOM": "x"}, {"ROLLCAST_HOM": [terminals.HOME]}),
        (
            {"ROLLCAST_AMQP_URI": "x", "ROLLCAST_DOMAIN": "y"},
            {"ROLLCAST_AMQP_URI": [terminals.AMQP_URL], "ROLLCAST_DOMAIN": [terminals.DOMAINS]},
        ),
        ({"ROLLCAST_HOM": "x", "ROLLCAST_HOME": "y"}, {}),
        ({"ROLLCAST_HOM": ""}, {}),
        (dict.fromkeys((v for one in ALL for v in one.variables if v not in terminals.VARIABLES), "x"), {}),
        (OF_A_SERVICE, {}),
    ],
    ids=["one", "two", "the right one, too", "empty", "of workers", "of services"],
)
def test_a_terminal_is_told_of_what_it_does_not_read(
    given: dict[str, str], told: dict[str, list[str]]
) -> None:
    """Where it is nearly something that is not set; workers' settings in the same environment are nothing new."""
    assert misspelt(given) == told


def test_the_command_line_says_so(tmp_path: Path) -> None:
    """On standard error, and goes on."""
    done = _run(
        "rollcast.cli",
        "send",
        str(tmp_path),
        "--as",
        "alice@acme",
        "--to",
        "bob@acme",
        ROLLCAST_HOM="/x",
        HOME="/nowhere",
    )
    first, *_ = done.stderr.splitlines()
    assert first == "rollcast: ROLLCAST_HOM is set, and nobody reads it; is ROLLCAST_HOME meant?"
    assert "/nowhere/.rollcast" in done.stderr


def _run(module: str, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("ROLLCAST_")}
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        env=inherited | variables,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
