"""An operator: changes accounts, and asks after everybody's transfers."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

from rollcast import passwords, topology
from rollcast.addresses import domain_of
from rollcast.broker import Link
from rollcast.credentials import Credentials
from rollcast.errors import RequestRefused
from rollcast.messages import (
    AccountAnswered,
    AccountRequested,
    DiagnosisAnswered,
    DiagnosisRequested,
    Message,
    OverviewAnswered,
    OverviewRequested,
)
from rollcast.messages.values import Account, AccountAction, Limits, TransferStatus
from rollcast.parked import ParkedMessages
from rollcast.queries import ANSWERED_WITHIN, Ask, Glance, describe, glance, newest
from rollcast.reasons import REASONS, Code
from rollcast.report import Report
from rollcast.requests import Requester

M = TypeVar("M", bound=Message)
T = TypeVar("T")


class Operator:
    """Talks to the servers of `domains`. Made by `connect`. Refusals are raised as `RequestRefused`.

    `parked` has the messages that these servers could not handle.
    """

    def __init__(self, amqp_url: str, domains: Iterable[str], requester: Requester) -> None:
        self._amqp_url = amqp_url
        self._domains = tuple(domains)
        self._requester = requester
        self.parked = ParkedMessages(self._domains, self._request)

    @classmethod
    @asynccontextmanager
    async def connect(cls, amqp_url: str, domains: Iterable[str]) -> AsyncIterator["Operator"]:
        """An operator with a connection. Raises `BrokerRefused`, `BrokerUnavailable`."""
        link = Link(amqp_url, "rollcast operator")
        requester = Requester(link)
        try:
            await requester.open()
            yield cls(amqp_url, domains, requester)
        finally:
            await link.close()

    @property
    def user(self) -> str:
        """The operator's user at the broker."""
        return Link(self._amqp_url, "").user

    @property
    def place(self) -> str:
        """Host and port of the broker."""
        return Link(self._amqp_url, "").place

    async def add(self, address: str, limits: Limits) -> Credentials:
        """Make an account. Returns its credentials, which exist nowhere else."""
        return await self._with_password("add", address, limits)

    async def new_password(self, address: str) -> Credentials:
        """Give an account another password. Returns its new credentials; open connections stay."""
        return await self._with_password("password", address)

    async def remove(self, address: str) -> None:
        """Delete an account and close its connections."""
        await self._change("remove", address)

    async def suspend(self, address: str) -> None:
        """Keep an account, but let it neither send nor receive."""
        await self._change("suspend", address)

    async def resume(self, address: str) -> None:
        """Undo `suspend`."""
        await self._change("resume", address)

    async def accounts(self) -> list[Account]:
        """All accounts of all domains, by address."""
        found = {
            account.address: account for domain in self._domains for account in await self._listed(domain)
        }
        return [account for _, account in sorted(found.items())]

    async def status(self, transfer_id: str) -> Report:
        """How a transfer of any domain stands."""
        return await self._of_any(transfer_id, lambda ask: describe(ask, transfer_id))

    async def glance(self, transfer_id: str, most: int) -> Glance:
        """How a transfer of any domain stands, with at most so many of its receivers: those that hold it up."""
        return await self._of_any(transfer_id, lambda ask: glance(ask, transfer_id, most))

    async def transfers(self, most: int | None = None) -> list[TransferStatus]:
        """The transfers of all domains, newest first; all of them, or so many."""
        pages = [await newest(partial(self._request, domain), most) for domain in self._domains]
        found = {transfer.transfer_id: transfer for transfer in itertools.chain(*pages)}
        return sorted(found.values(), key=lambda transfer: transfer.created_at, reverse=True)[:most]

    async def overviews(self) -> list[OverviewAnswered]:
        """What the servers of all domains do at this moment: one of each domain, all asked side by side."""
        return await self._of_each(OverviewRequested(), OverviewAnswered)

    async def diagnosis(self, domain: str) -> DiagnosisAnswered:
        """Whether the server of a domain has all that it needs."""
        return await self._request(domain, DiagnosisRequested(), DiagnosisAnswered, ANSWERED_WITHIN)

    async def _of_each(self, message: Message, expect: type[M]) -> list[M]:
        asking = (self._request(domain, message, expect, ANSWERED_WITHIN) for domain in self._domains)
        return list(await asyncio.gather(*asking))

    async def _of_any(self, transfer_id: str, question: Callable[[Ask], Awaitable[T]]) -> T:
        for domain in self._domains:
            try:
                return await question(partial(self._request, domain))
            except RequestRefused as error:
                if error.code != Code.NO_SUCH_TRANSFER:
                    raise
        raise _refusal(Code.NO_SUCH_TRANSFER, transfer_id)

    async def _with_password(
        self, action: AccountAction, address: str, limits: Limits | None = None
    ) -> Credentials:
        password = passwords.new()
        answer = await self._change(action, address, limits, password.hash)
        # A server of an earlier version makes one itself.
        return Credentials(address, _url_of(self._amqp_url, address, answer.password or password.text or ""))

    async def _change(
        self,
        action: AccountAction,
        address: str,
        limits: Limits | None = None,
        password_hash: str | None = None,
    ) -> AccountAnswered:
        domain = domain_of(address)
        if domain not in self._domains:
            raise _refusal(Code.NO_SUCH_DOMAIN, address)
        request = AccountRequested(
            action=action, address=address, limits=limits or Limits(), password_hash=password_hash
        )
        try:
            return await self._request(domain, request, AccountAnswered, ANSWERED_WITHIN)
        except RequestRefused as error:
            if error.code == Code.NO_SUCH_ACCOUNT:
                error.hint = "See `rollcast admin list`."
            raise

    async def _listed(self, domain: str) -> list[Account]:
        accounts: list[Account] = []
        request = AccountRequested(action="list")
        while True:
            page = await self._request(domain, request, AccountAnswered, ANSWERED_WITHIN)
            accounts += page.accounts
            if page.next is None:
                return accounts
            request = AccountRequested(action="list", after=page.next)

    async def _request(self, domain: str, message: Message, expect: type[M], within: float) -> M:
        key = topology.step_key(domain, message)
        return await self._requester.request(topology.STEP, key, message, expect, within)


def _refusal(code: Code, what: str) -> RequestRefused:
    return RequestRefused(f"{what}: {REASONS[code].sentence}", hint=REASONS[code].hint, code=code)


def _url_of(operators: str, address: str, password: str) -> str:
    """The operator's URL with another user."""
    parts = urlsplit(operators)
    place = parts.netloc.rpartition("@")[2]
    user = f"{quote(address, safe='')}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{user}@{place}"))
