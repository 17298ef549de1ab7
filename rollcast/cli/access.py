"""Who the command line is at the broker: a terminal by its stored credentials, or the operator."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TypeVar

import tenacity

from rollcast.addresses import domain_of, is_address
from rollcast.broker.urls import EXAMPLE, is_url
from rollcast.cli.exits import UsageError
from rollcast.credentials import Credentials
from rollcast.errors import BrokerUnavailable, FileUnusable
from rollcast.operator import Operator
from rollcast.sender import Sender
from rollcast.sending.transfers import Transfers
from rollcast.settings import ClientSettings

T = TypeVar("T")

PATIENCE = 3.0
"""Seconds for which a broker that does not answer is tried again, before it is said."""
LONGEST_PAUSE = 10.0
"""Seconds between two tries, at the most."""

ENVIRONMENT = """\
Environment:
  ROLLCAST_HOME      holds credentials/ADDRESS.json, in transfers/ what
                     send --resume and retry need, and in watch/ what watch
                     has sent; ~/.rollcast if not set
  ROLLCAST_AMQP_URL  the operator's address of the broker, for admin, parked and
                     top, and for status, list and doctor without --as
  ROLLCAST_DOMAINS   the operator's domains, separated by commas
A variable that is nearly one of these is pointed out."""


@asynccontextmanager
async def patiently(
    connect: Callable[[], AbstractAsyncContextManager[T]],
    *,
    patience: float | None = None,
    tell: Callable[[str], None] | None = None,
) -> AsyncIterator[T]:
    """Enter what `connect` makes, and try again for `patience` seconds (3 by default) if the broker does not answer.

    `tell` gets what is the matter, each time.
    """

    limit = PATIENCE if patience is None else patience

    def waits(state: tenacity.RetryCallState) -> None:
        if tell is not None and state.outcome is not None:
            tell(str(state.outcome.exception()))

    retrying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(BrokerUnavailable),
        wait=tenacity.wait_random_exponential(multiplier=0.1, max=min(limit / 3, LONGEST_PAUSE)),
        stop=tenacity.stop_after_delay(limit),
        before_sleep=waits,
        reraise=True,
    )
    async with AsyncExitStack() as stack:

        async def enter() -> T:
            return await stack.enter_async_context(connect())

        yield await retrying(enter)


def credentials(address: str) -> Credentials:
    """The stored credentials of an address. Raises `BrokerRefused` with code `no_credentials`."""
    found = Credentials.load(address, ClientSettings.read())
    _check(found.amqp_url, f"`amqp_url` in the credentials of {address}")
    return found


def operator() -> AbstractAsyncContextManager[Operator]:
    """The operator that the environment names. Raises `UsageError` if it does not."""
    settings = ClientSettings.read()
    if not settings.amqp_url:
        raise _unset("ROLLCAST_AMQP_URL", "Set it to the operator's address of the broker.")
    if not settings.domains:
        raise _unset("ROLLCAST_DOMAINS", "Set it to the domains that you operate, such as acme,globex.")
    url, domains = settings.amqp_url, settings.domains
    _check(url, "ROLLCAST_AMQP_URL")
    return patiently(lambda: Operator.connect(url, domains))


def transfers() -> Transfers:
    """What is kept of transfers in the home."""
    return Transfers.of(ClientSettings.read())


def sender_of(transfer_id: str, address: str | None) -> str:
    """`address`, or without one the sender that the home knows. Raises `UsageError` if it does not."""
    if address is not None:
        return address
    try:
        return transfers().get(transfer_id).sender
    except FileUnusable as error:
        raise UsageError(f"{error}, so its sender must be named", hint="Give --as.") from error


def sending(address: str) -> AbstractAsyncContextManager[Sender]:
    """The sender of that address."""
    known = credentials(address)
    return patiently(lambda: Sender.connect(known, transfers()))


@asynccontextmanager
async def asking(address: str | None) -> AsyncIterator[Sender | Operator]:
    """Whoever asks after transfers: the sender of that address, or without one the operator."""
    if address is None:
        async with operator() as everybody:
            yield everybody
    else:
        async with sending(address) as sender:
            yield sender


def check_operated(address: str) -> None:
    """Raises `UsageError` unless `address` is one, in a domain that the operator looks after."""
    if not is_address(address):
        raise UsageError(f"{address!r} is not an address", hint="Write it as name@domain, in lower case.")
    domains = ClientSettings.read().domains
    if domains and domain_of(address) not in domains:
        raise UsageError(
            f"{domain_of(address)} is not among your domains ({', '.join(domains)})",
            hint="Check the address and ROLLCAST_DOMAINS.",
        )


def _check(url: str, name: str) -> None:
    if not is_url(url):
        raise UsageError(f"{name} is not an address of a broker", hint=f"Write it as {EXAMPLE}.")


def _unset(name: str, hint: str) -> UsageError:
    return UsageError(f"{name} is not set", hint=hint)
