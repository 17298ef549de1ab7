"""Changes and lists accounts: what `rollcast admin` does."""

from collections.abc import Iterable
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from rollcast.cli import access, output
from rollcast.cli.exits import Exit
from rollcast.cli.report_text import table
from rollcast.cli.texts import plural, time_text
from rollcast.credentials import Credentials
from rollcast.errors import BrokerRefused, FileUnusable
from rollcast.messages.values import MAX_FILE_SIZE, Account, Limits
from rollcast.report import instant
from rollcast.settings import ClientSettings
from rollcast.sizes import size_text

Change = Literal["remove", "suspend", "resume"]
HEAD = ("account", "state", "last registered", "limits")
_CHANGED = {"remove": "removed", "suspend": "suspended", "resume": "resumed"}


async def add(address: str, limits: Limits) -> int:
    """Make an account and store its credentials. Returns the exit status."""
    access.check_operated(address)
    async with access.operator() as operator:
        credentials = await operator.add(address, limits)
    return _saved(credentials, f"added {address}")


async def new_password(address: str) -> int:
    """Give an account another password and store its credentials. Returns the exit status."""
    access.check_operated(address)
    async with access.operator() as operator:
        credentials = await operator.new_password(address)
    return _saved(credentials, f"{address} has another password")


def _saved(credentials: Credentials, done: str) -> int:
    try:
        path = credentials.save(ClientSettings.read())
    except OSError as error:
        raise FileUnusable(
            f"{done}, but its credentials could not be written: {error}",
            hint=f"Make room for them, then `rollcast admin passwd {credentials.address}`.",
        ) from error
    output.emit(f"{done}; its credentials are in {path}")
    return Exit.DONE


async def change(action: Change, address: str) -> int:
    """Remove, suspend or resume an account. Returns the exit status."""
    access.check_operated(address)
    async with access.operator() as operator:
        match action:
            case "remove":
                await operator.remove(address)
            case "suspend":
                await operator.suspend(address)
            case "resume":
                await operator.resume(address)
    output.emit(f"{_CHANGED[action]} {address}")
    if action == "remove":
        _remove_credentials(address)
    return Exit.DONE


def _remove_credentials(address: str) -> None:
    """Those that let nobody in any more; of an account of that name at another broker they stay."""
    settings = ClientSettings.read()
    path = settings.home / "credentials" / f"{address}.json"
    try:
        if _place(Credentials.load(address, settings).amqp_url) == _place(settings.amqp_url or ""):
            path.unlink()
            output.emit(f"removed {path}")
    except OSError as error:
        output.say(f"{path} stays: {error.strerror}")
    except BrokerRefused:
        # There are none, or none that were written here.
        return


def _place(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


async def list_accounts(*, json: bool) -> int:
    """Print all accounts. Returns the exit status."""
    async with access.operator() as operator:
        accounts = await operator.accounts()
    if json:
        output.emit_document({"accounts": [account_json(account) for account in accounts]})
    else:
        output.emit(*account_lines(accounts))
    return Exit.DONE


def account_lines(accounts: Iterable[Account]) -> list[str]:
    """A line for each account: its address, whether it is suspended, when it last registered, its limits."""
    rows = [_row(account) for account in accounts]
    return table([HEAD, *rows]) if rows else ["no accounts"]


def account_json(account: Account) -> dict[str, Any]:
    """The document of an account; instants in UTC."""
    seen = account.registered_at
    return {
        "address": account.address,
        "suspended": account.suspended,
        "registered_at": None if seen is None else instant(seen),
        "limits": msgspec.to_builtins(account.limits),
    }


def _row(account: Account) -> tuple[str, str, str, str]:
    seen = account.registered_at
    return (
        account.address,
        "suspended" if account.suspended else "active",
        "never" if seen is None else time_text(seen),
        limits_text(account.limits),
    )


def limits_text(limits: Limits) -> str:
    """What an account may do."""
    return ", ".join(_limits(limits))


def _limits(limits: Limits) -> Iterable[str]:
    yield f"may send to {plural(limits.max_recipients, 'recipient')}" if limits.may_send else "may not send"
    if limits.max_file_size < MAX_FILE_SIZE:
        yield f"files to {size_text(limits.max_file_size)}"
    if limits.accept_types:
        yield "takes " + " ".join(limits.accept_types)
