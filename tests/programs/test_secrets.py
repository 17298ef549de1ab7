"""Passwords stand in what is sent and stored, and in nothing that is printed, logged or documented."""

import importlib
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from types import ModuleType

import msgspec
import pytest

import rollcast
import workers
from rollcast import ClientSettings, Credentials, Operator
from rollcast.broker import Link
from rollcast.cli import app
from rollcast.cli.exits import Exit
from rollcast.errors import BrokerRefused
from rollcast.messages import AccountAnswered, AccountRequested
from rollcast.passwords import Password
from workers.settings import Settings
from workers.work import GrantRights, SetPassword

PASSWORD = "s3cret-of-the-operator"
URL = f"amqp://operator:{PASSWORD}@host/"
ENVIRONMENT = {
    "ROLLCAST_AMQP_URL": f"amqp://server-main:{PASSWORD}@host/",
    "ROLLCAST_MANAGEMENT_URL": f"http://operator:{PASSWORD}@host:15672",
    "ROLLCAST_LEDGER": f"postgresql://user:{PASSWORD}@host/database",
    "ROLLCAST_DOMAINS": "acme",
}
SECRET = re.compile(r"password|amqp_url|management_url|ledger_url")
HELP = """
import pkgutil, pydoc, rollcast, workers
for package in (rollcast, workers):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if "migrations" not in found.name and not found.name.endswith("__main__"):
            print(pydoc.render_doc(found.name, renderer=pydoc.plaintext))
"""


def _modules() -> Iterator[ModuleType]:
    for package in (rollcast, workers):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" not in found.name and not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def _shown(kind: type) -> set[str]:
    """The fields that a value of this kind shows when it is printed."""
    if is_dataclass(kind):
        return {field.name for field in fields(kind) if field.repr}
    if issubclass(kind, msgspec.Struct) and kind.__repr__ is msgspec.Struct.__repr__:
        return set(kind.__struct_fields__)
    return set(getattr(kind, "_fields", ()))


def test_no_value_shows_a_field_that_holds_a_secret() -> None:
    """Whatever prints it: a debugger, a log line, an assertion of a test."""
    kinds = {kind for module in _modules() for kind in vars(module).values() if isinstance(kind, type)}
    ours = [kind for kind in kinds if kind.__module__.partition(".")[0] in {"rollcast", "workers"}]
    assert {Settings, ClientSettings, Credentials, GrantRights, AccountAnswered} <= set(ours)
    assert {(kind.__name__, name) for kind in ours for name in _shown(kind) if SECRET.search(name)} == set()


@pytest.mark.parametrize(
    "value",
    [
        Settings.read(ENVIRONMENT),
        ClientSettings.read(ENVIRONMENT),
        Credentials("bob@acme", URL),
        GrantRights("bob@acme", PASSWORD),
        SetPassword("bob@acme", PASSWORD),
        Password(PASSWORD, PASSWORD),
        AccountRequested(action="add", password_hash=PASSWORD),
        AccountAnswered(accounts=[], password=PASSWORD),
        Link(URL, "some purpose"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_printed_without_its_password(value: object) -> None:
    """As a text and as what a debugger shows."""
    assert PASSWORD not in f"{value!r} {value}"


def test_an_answer_about_an_account_still_shows_the_rest() -> None:
    """And is sent with its password."""
    answer = AccountAnswered(accounts=[], password=PASSWORD)
    assert repr(answer) == "AccountAnswered(accounts=[], next=None)"
    assert PASSWORD.encode() in msgspec.msgpack.encode(answer)


def test_help_shows_nothing_of_the_environment() -> None:
    """A default that is taken from it would stand in the signature."""
    done = subprocess.run(
        [sys.executable, "-c", HELP],
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "class ClientSettings" in done.stdout
    assert "class Settings" in done.stdout
    assert PASSWORD not in done.stdout


@pytest.mark.parametrize("password", ["pa/ss", "1/2", "a?b@c", "a#b", "a b"])
async def test_a_url_with_a_password_that_is_not_escaped_is_refused_without_it(password: str) -> None:
    """A part of it would be read as host or port, and be told as such."""
    with pytest.raises(BrokerRefused, match="no URL of a broker") as caught:
        async with Operator.connect(f"amqp://operator:{password}@host/", ["acme"]):
            pass
    assert password.partition("/")[0] not in str(caught.value).split()
    assert "%2F" in caught.value.hint


def test_a_fault_of_the_command_line_is_told_without_passwords(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whichever library has put an address into its words."""

    def fail(*_: object, **__: object) -> None:
        raise ValueError(f"no connection to {URL}")

    monkeypatch.setattr(app, "application", lambda: fail)
    assert app.run(["list", "--json"]) == Exit.OUR_FAULT
    told = capsys.readouterr()
    for text in told:
        assert "no connection to amqp://operator:***@host/" in text
    assert PASSWORD not in told.out + told.err
