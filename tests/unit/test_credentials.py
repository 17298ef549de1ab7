"""Credentials on disk."""

from pathlib import Path

import pytest

from rollcast import ClientSettings, Credentials
from rollcast.errors import BrokerRefused

BOB = Credentials("bob@acme", "amqp://bob%40acme:secret@localhost:5672/")


@pytest.fixture
def settings(tmp_path: Path) -> ClientSettings:
    """A home that does not exist yet."""
    return ClientSettings(home=tmp_path / "home", amqp_url=None, domains=())


def test_saved_credentials_are_found(settings: ClientSettings) -> None:
    """They are for their owner's eyes only."""
    path = BOB.save(settings)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Credentials.load("bob@acme", settings) == BOB
    assert BOB.domain == "acme"
    assert [file.name for file in path.parent.iterdir()] == ["bob@acme.json"]


def test_missing_credentials_name_the_file(settings: ClientSettings) -> None:
    """So that one knows where to put them."""
    with pytest.raises(BrokerRefused, match=r"credentials/bob@acme\.json does not exist") as caught:
        Credentials.load("bob@acme", settings)
    assert caught.value.code == "no_credentials"


def test_broken_credentials_are_an_error(settings: ClientSettings) -> None:
    """Neither a traceback nor an empty password."""
    path = BOB.save(settings)
    path.write_text("{")
    with pytest.raises(BrokerRefused, match="cannot be read"):
        Credentials.load("bob@acme", settings)


def test_credentials_of_another_one_are_refused(settings: ClientSettings) -> None:
    """A copy under another name would let its owner act as somebody else without a word."""
    path = BOB.save(settings)
    path.rename(path.with_name("alice@acme.json"))
    with pytest.raises(BrokerRefused, match="are those of bob@acme") as caught:
        Credentials.load("alice@acme", settings)
    assert caught.value.code == "no_credentials"


def test_the_password_is_not_shown() -> None:
    """Whatever logs or prints credentials."""
    assert "secret" not in repr(BOB)


def test_an_address_is_no_path(settings: ClientSettings) -> None:
    """`../x` is not looked for."""
    with pytest.raises(BrokerRefused, match="not an address"):
        Credentials.load("../bob@acme", settings)
