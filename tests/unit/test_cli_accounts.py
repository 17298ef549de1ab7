"""What `rollcast admin` says of accounts."""

from pathlib import Path

import pytest

from rollcast.cli import accounts as module
from rollcast.cli.accounts import account_lines
from rollcast.credentials import Credentials
from rollcast.messages.values import Account, Limits
from rollcast.settings import ClientSettings


def test_accounts_are_a_table() -> None:
    """With a heading, if there are any."""
    limited = Limits(max_file_size=1024, accept_types=["image/*"], may_send=False)
    accounts = [
        Account(address="bob@acme", suspended=False, limits=Limits(max_recipients=1), registered_at=0),
        Account(address="kiosk@acme", suspended=True, limits=limited),
    ]
    assert account_lines(accounts) == [
        "account     state      last registered          limits",
        "bob@acme    active     1970-01-01 00:00:00 UTC  may send to 1 recipient",
        "kiosk@acme  suspended  never                    may not send, files to 1.0 KiB, takes image/*",
    ]
    assert account_lines([]) == ["no accounts"]


@pytest.mark.parametrize(("place", "stays"), [("broker:5672", False), ("other:5672", True)])
def test_the_credentials_of_a_removed_account_go(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, stays: bool
) -> None:
    """Not those of an account of its name at another broker; nor is it an error if there are none."""
    monkeypatch.setenv("ROLLCAST_HOME", str(tmp_path))
    monkeypatch.setenv("ROLLCAST_AMQP_URL", "amqp://operator:x@broker:5672/")
    stored = Credentials("bob@acme", f"amqp://bob%40acme:y@{place}/").save(ClientSettings.read())
    for address in ("bob@acme", "eve@acme"):
        module._remove_credentials(address)
    assert stored.exists() is stays
