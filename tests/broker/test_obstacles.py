"""What hinders a connection is told as what it is, not as a broker that is away or a suspended account."""

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
import trustme

from dev import management
from dev.broker import Broker
from rollcast.broker import Link
from rollcast.errors import BrokerUnavailable
from tests.broker.proxy import Proxy, proxied
from tests.people import ACME

ELSEWHERE = "elsewhere.example"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Signs certificates."""
    return trustme.CA()


@pytest.fixture(scope="module")
def known(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authority's own certificate."""
    file = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture
async def encrypted(node: Broker, authority: trustme.CA) -> AsyncIterator[Proxy]:
    """A way to the broker over TLS, with a good certificate."""
    async with proxied(node.amqp_url, _context(authority.issue_cert("127.0.0.1"))) as made:
        yield made


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """The TLS settings of a server that has this certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


def _url(proxy: Proxy, scheme: str = "amqps", **query: str | Path) -> str:
    words = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
    return urlunsplit(urlsplit(proxy.url)._replace(scheme=scheme, query=words))


async def _told(url: str) -> tuple[str, str]:
    """What is said where no connection comes about, and what to do; the port of the broker as PLACE."""
    link = Link(url, "test")
    with pytest.raises(BrokerUnavailable) as caught:
        await link.channel()
    return str(caught.value).replace(link.place, "PLACE"), caught.value.hint


async def test_an_encrypted_connection(encrypted: Proxy, known: Path) -> None:
    """Comes about where the certificate is that of a known authority."""
    link = Link(_url(encrypted, cafile=known), "test")
    assert not (await link.channel()).is_closed
    await link.close()


async def test_a_certificate_of_an_unknown_authority(encrypted: Proxy) -> None:
    """How to name one is told."""
    what, hint = await _told(_url(encrypted))
    assert what.startswith("the certificate of the broker at PLACE is not accepted: ")
    assert "issuer" in what
    assert "?cafile=" in hint


@pytest.mark.parametrize(
    ("name", "until", "why", "helps"),
    [
        (ELSEWHERE, None, "certificate is not valid for '127.0.0.1'", "by a name that the certificate has"),
        ("127.0.0.1", LONG_AGO, "certificate has expired", "Renew it on the broker"),
    ],
    ids=["other name", "expired"],
)
async def test_a_certificate_that_does_not_hold(
    node: Broker, authority: trustme.CA, known: Path, name: str, until: datetime | None, why: str, helps: str
) -> None:
    """Each for its own reason, with its own remedy."""
    bad = authority.issue_cert(name, not_after=until)
    async with proxied(node.amqp_url, _context(bad)) as proxy:
        what, hint = await _told(_url(proxy, cafile=known))
    assert what.startswith("the certificate of the broker at PLACE is not accepted: ")
    assert why in what
    assert helps in hint


async def test_a_file_for_tls_that_is_not_there(encrypted: Proxy, tmp_path: Path) -> None:
    """It is no broker that is away."""
    what, _ = await _told(_url(encrypted, cafile=tmp_path / "nowhere.pem"))
    assert what == "a file for TLS that ROLLCAST_AMQP_URL names cannot be used: No such file or directory"


async def test_tls_where_none_is_spoken(proxy: Proxy) -> None:
    """At a port for plain connections."""
    what, hint = await _told(_url(proxy))
    assert what == "what listens at PLACE speaks no TLS"
    assert "amqp://" in hint


async def test_a_plain_connection_where_tls_is_spoken(encrypted: Proxy) -> None:
    """The other way round it cannot be known: what may be the matter is told."""
    what, hint = await _told(_url(encrypted, "amqp"))
    assert what == "no broker answers at PLACE: the connection was closed without a word of AMQP"
    assert "begin ROLLCAST_AMQP_URL with amqps://" in hint


async def test_a_virtual_host_that_is_not_there(node: Broker) -> None:
    """It is named, and no account is said to be suspended."""
    what, hint = await _told(urlunsplit(urlsplit(node.amqp_url)._replace(path="/no%2Fwhere")))
    assert what == "the broker at PLACE has no virtual host 'no/where'"
    assert "rabbitmqctl add_vhost" in hint


async def test_a_user_without_rights_in_the_virtual_host(
    node: Broker, user: Callable[[str, str], str]
) -> None:
    """It is told how to see them."""
    url = user("", "")
    name = urlsplit(url).username
    management.call(node.management_url, "DELETE", node.path("permissions", str(name)))
    what, hint = await _told(url)
    assert what.startswith(f"the broker at PLACE takes no connection of {name} at present: NOT_ALLOWED - ")
    assert hint.endswith(f"`rabbitmqctl list_permissions -p {node.vhost}`.")


async def test_a_user_with_too_many_connections(node: Broker, user: Callable[[str, str], str]) -> None:
    """It is told that it is that, and how many it may have."""
    url = user("", "")
    name = urlsplit(url).username
    path = f"/api/user-limits/{name}/max-connections"
    management.call(node.management_url, "PUT", path, {"value": 0})
    what, hint = await _told(url)
    assert what.startswith(f"the broker at PLACE takes no further connection of {name}: ")
    assert what.endswith("user connection limit (0) is reached")
    assert "raise the limit" in hint


@pytest.mark.parametrize("command", ["doctor", "list", "admin list"])
async def test_commands_say_what_it_is(command: str, encrypted: Proxy, tmp_path: Path) -> None:
    """Status 4, and the sentence as it is."""
    environment = {"ROLLCAST_HOME": str(tmp_path), "ROLLCAST_DOMAINS": ACME}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rollcast.cli", *command.split()),
        env=environment | {"ROLLCAST_AMQP_URL": _url(encrypted)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 4, said
    assert b"the certificate of the broker at 127.0.0.1" in said
    assert b"no broker answers" not in said
