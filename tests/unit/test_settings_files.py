"""What a TOML file, and files with secrets, tell the workers."""

from pathlib import Path

import pytest

from tests.programs.test_worker_settings import BROKER, NEEDED, PASSWORD, refused
from workers.process.sources import variable
from workers.settings import Settings


def _config(folder: Path, text: str) -> dict[str, str]:
    file = folder / "rollcast.toml"
    file.write_text(text)
    return {"ROLLCAST_CONFIG": str(file)}


def test_a_file_has_all_settings(tmp_path: Path) -> None:
    """Under the variables' names in small letters, as TOML writes texts, lists and numbers."""
    text = """
        server = "west"
        domains = ["acme", "globex"]
        peers = ["initech"]
        amqp_url = "amqp://server-west@127.0.0.1"
        management_url = "http://127.0.0.1:15672"
        ledger = "sqlite:////tmp/ledger.db"
        spool = "s3://bucket/prefix"
        spool_quota = 5
        retention_days = 12.5
        metrics_port = 0
    """
    read = Settings.read(_config(tmp_path, text))
    assert (read.server, read.domains, read.peers) == ("west", ("acme", "globex"), ("initech",))
    assert (read.amqp_url, read.management_url) == (
        "amqp://server-west@127.0.0.1",
        "http://127.0.0.1:15672",
    )
    assert (read.ledger_url, read.spool_url) == ("sqlite:////tmp/ledger.db", "s3://bucket/prefix")
    assert (read.spool_quota, read.retention_days, read.metrics_port) == (5, 12.5, 0)


def test_the_environment_wins(tmp_path: Path) -> None:
    """Over what the file says, and over a file with a secret that it names."""
    environment = _config(tmp_path, 'domains = ["globex"]\nmetrics_port = 1\namqp_url_file = "nowhere"')
    read = Settings.read({**environment, **NEEDED, "ROLLCAST_METRICS_PORT": ""})
    assert (read.domains, read.amqp_url, read.metrics_port) == (("acme",), BROKER, 1)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("domain = 'acme'", "domain in {} is no setting"),
        ("metrics_port = '9464'", "metrics_port in {} is '9464', and not a whole number up to 65535"),
        ("metrics_port = true", "metrics_port in {} is True, and not a whole number up to 65535"),
        ("metrics_port = 65536", "metrics_port in {} is 65536, and not a whole number up to 65535"),
        ("retention_days = nan", "retention_days in {} is nan, and not a number from 12 to 36500"),
        ("domains = 'acme'", "domains in {} is 'acme', and not a list of names of small letters"),
        ("domains = [1]", "domains in {} is [1], and not a list of names of small letters"),
        ("domains = []", "domains in {} is [], and not a list of names of small letters"),
        ("server = ''", "server in {} is '', and not a name of small letters"),
        ("[server]\nname = 'main'", "server in {} is {{'name': 'main'}}, and not a name of small letters"),
        (f"amqp_url = ['{BROKER}']", "amqp_url in {} is not an address such as amqp://"),
        ("ledger_file = 7", "ledger_file in {} is 7, and not the path of a file"),
        ("ledger = 'sqlite:///a'\nledger_file = 'b'", "ledger in {0} and ledger_file in {0} are both given"),
        ("server = main", "{}, named by ROLLCAST_CONFIG, is not TOML: Invalid value (at line 1, column 10)"),
    ],
)
def test_what_a_file_must_not_say(tmp_path: Path, line: str, told: str) -> None:
    """The message names the file, the key and what is wrong."""
    environment = _config(tmp_path, line)
    key = line.partition(" ")[0]
    needed = {name: value for name, value in NEEDED.items() if name != variable(key)}
    error = refused({**environment, **needed})
    assert str(error).startswith(told.format(environment["ROLLCAST_CONFIG"]))
    assert PASSWORD not in str(error)


def test_a_key_that_is_nearly_right(tmp_path: Path) -> None:
    """The hint has the one that is meant."""
    assert "Is domains meant?" in refused(_config(tmp_path, "domain = 'acme'")).hint


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_in_a_file(tmp_path: Path, end: str) -> None:
    """Named by a variable or in TOML; a newline at its end is the editor's."""
    secret = tmp_path / "broker"
    secret.write_bytes(BROKER.encode() + end.encode())
    by_variable = {"ROLLCAST_DOMAINS": "acme", "ROLLCAST_AMQP_URL_FILE": str(secret)}
    in_toml = _config(tmp_path, f"domains = ['acme']\namqp_url_file = '{secret}'")
    for environment in (by_variable, in_toml):
        assert Settings.read(environment).amqp_url == BROKER


def test_both_a_secret_and_its_file(tmp_path: Path) -> None:
    """Nobody can say which one is meant."""
    both = {**NEEDED, "ROLLCAST_AMQP_URL_FILE": str(tmp_path / "broker")}
    assert str(refused(both)) == "ROLLCAST_AMQP_URL and ROLLCAST_AMQP_URL_FILE are both given"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff", "is not UTF-8 text"),
        (f"{PASSWORD}\n".encode(), "is not an address such as sqlite:////"),
        (f"postgresql://u:{PASSWORD}@h:p/\n".encode(), "is not an address such as sqlite:////"),
    ],
)
def test_a_file_with_a_secret_that_cannot_be_used(tmp_path: Path, content: bytes | None, told: str) -> None:
    """The message names the file and the variable, and does not have the secret."""
    file = tmp_path / "ledger"
    if content is not None:
        file.write_bytes(content)
    error = refused({**NEEDED, "ROLLCAST_LEDGER_FILE": str(file)})
    assert f"{file}, named by ROLLCAST_LEDGER_FILE," in str(error)
    assert told in str(error)
    assert PASSWORD not in str(error)


@pytest.mark.parametrize("name", ["ROLLCAST_CONFIG", "ROLLCAST_LEDGER_FILE"])
def test_a_file_that_is_a_folder(tmp_path: Path, name: str) -> None:
    """As when a mount has gone wrong."""
    told = f"{tmp_path}, named by {name}, cannot be read: Is a directory"
    assert str(refused({**NEEDED, name: str(tmp_path)})) == told
