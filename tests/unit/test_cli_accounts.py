"""What `rollcast admin` says of accounts."""

from rollcast.cli.accounts import account_lines
from rollcast.messages.values import Account, Limits


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
