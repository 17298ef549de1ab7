"""What operators ask about accounts, with the rights at the broker that go with them."""

from typing import Any

from sqlalchemy import Row

from rollcast import passwords
from rollcast.addresses import domain_of
from rollcast.messages import AccountAnswered, AccountRequested
from rollcast.messages.values import MAX_RECEIVERS
from rollcast.passwords import Password
from rollcast.reasons import Code
from workers.ledger import accounts
from workers.work import (
    GrantRights,
    OpenInboxes,
    Outcome,
    Received,
    Reply,
    RevokeRights,
    Services,
    SetPassword,
    refused,
)


async def answer_account_request(
    received: Received, message: AccountRequested, services: Services
) -> list[Outcome]:
    """Change an account, or list those of the domain."""
    if message.action == "list":
        return [await _list(received, message, services)]
    address = message.address
    if address is None or domain_of(address) != received.domain:
        return [refused(received, Code.INVALID_MESSAGE, f"{address} is not an address of {received.domain}")]
    known = (await accounts.find(services.ledger, [address])).get(address)
    if message.action == "add":
        return await _add(received, address, message, services, known)
    if known is None:
        # A worker may have died between removing the account and its user.
        gone: list[Outcome] = [RevokeRights(address, remove=True)] if message.action == "remove" else []
        return [*gone, refused(received, Code.NO_SUCH_ACCOUNT, f"{address} has no account here")]
    return await _change(received, address, message, services)


async def _list(received: Received, message: AccountRequested, services: Services) -> Outcome:
    rows = await accounts.page(services.ledger, received.domain, message.after or "", MAX_RECEIVERS)
    following = rows[-1].address if len(rows) == MAX_RECEIVERS else None
    return Reply(received, AccountAnswered(accounts=[accounts.account_of(r) for r in rows], next=following))


async def _add(
    received: Received, address: str, message: AccountRequested, services: Services, known: Row[Any] | None
) -> list[Outcome]:
    # A worker may have died between adding the account and telling its password: the same request goes on.
    if known is not None and (received.correlation_id is None or known.added_by != received.correlation_id):
        return [refused(received, Code.ACCOUNT_EXISTS, f"{address} has an account already")]
    await accounts.add(services.ledger, address, message.limits, received.correlation_id)
    password = _password(message)
    answer = await _answer(received, address, services, password.text)
    return [OpenInboxes(address), GrantRights(address, password.hash), answer]


def _password(message: AccountRequested) -> Password:
    """That which the operator's program has made, of which no more than the hash is known here.

    Else a new one, which is told in the answer. A request that comes again gets another one, so that of two answers
    the later one is right: programs should send a hash.
    """
    return passwords.new() if message.password_hash is None else Password(None, message.password_hash)


async def _change(
    received: Received, address: str, message: AccountRequested, services: Services
) -> list[Outcome]:
    if message.action == "remove":
        answer = await _answer(received, address, services)
        await accounts.remove(services.ledger, address)
        return [RevokeRights(address, remove=True), answer]
    if message.action == "password":
        password = _password(message)
        await accounts.note_password(services.ledger, address)
        answer = await _answer(received, address, services, password.text)
        return [SetPassword(address, password.hash), answer]
    suspended = message.action == "suspend"
    await accounts.suspend(services.ledger, address, suspended)
    answer = await _answer(received, address, services)
    return [RevokeRights(address, remove=False) if suspended else GrantRights(address), answer]


async def _answer(received: Received, address: str, services: Services, password: str | None = None) -> Reply:
    row = (await accounts.find(services.ledger, [address]))[address]
    return Reply(received, AccountAnswered(accounts=[accounts.account_of(row)], password=password))
