"""Credentials on disk."""

from pathlib import Path

import pytest

from rollcast import ClientSettings, Credentials
from rollcast.errors import BrokerRefused
from tests.people import ACME, ALICE, BOB

STORED = Credentials(BOB, "amqp://bob%40acme:secret@localhost:5672/")


@pytest.fixture
def settings(tmp_path: Path) -> ClientSettings:
    """A home that does not exist yet."""
    return ClientSettings(home=tmp_path / "home", amqp_url=None, domains=())


def test_saved_credentials_are_found(settings: ClientSettings) -> None:
    """They are for their owner's eyes only."""
    path = STORED.save(settings)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Credentials.load(BOB, settings) == STORED
    assert STORED.domain == ACME
    assert [file.name for file in path.parent.iterdir()] == [f"{BOB}.json"]


def test_missing_credentials_name_the_file(settings: ClientSettings) -> None:
    """So that one knows where to put them."""
    with pytest.raises(BrokerRefused, match=rf"credentials/{BOB}\.json does not exist") as caught:
        Credentials.load(BOB, settings)
    assert caught.value.code == "no_credentials"


def test_broken_credentials_are_an_error(settings: ClientSettings) -> None:
    """Neither a traceback nor an empty password."""
    path = STORED.save(settings)
    path.write_text("{")
    with pytest.raises(BrokerRefused, match="cannot be read"):
        Credentials.load(BOB, settings)


def test_credentials_of_another_one_are_refused(settings: ClientSettings) -> None:
    """A copy under another name would let its owner act as somebody else without a word."""
    path = STORED.save(settings)
    path.rename(path.with_name(f"{ALICE}.json"))
    with pytest.raises(BrokerRefused, match=f"are those of {BOB}") as caught:
        Credentials.load(ALICE, settings)
    assert caught.value.code == "no_credentials"


def test_the_password_is_not_shown() -> None:
    """Whatever logs or prints credentials."""
    assert "secret" not in repr(STORED)


def test_an_address_is_no_path(settings: ClientSettings) -> None:
    """`../x` is not looked for."""
    with pytest.raises(BrokerRefused, match="not an address"):
        Credentials.load(f"../{BOB}", settings)
