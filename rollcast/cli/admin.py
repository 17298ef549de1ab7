"""`rollcast admin`: its commands, their options and their help."""

from typing import Annotated

from cyclopts import App, Parameter, validators

from rollcast.cli import accounts
from rollcast.cli.exits import STATUSES_IN_SHORT
from rollcast.cli.options import Json, Size, Types
from rollcast.cli.running import run
from rollcast.messages.values import Limits

HELP = """\
Add, list and change accounts, as the operator.

For example:
  rollcast admin add bob@acme --max-file-size 100MiB --accept-type 'image/*'
  rollcast admin add kiosk@acme --no-may-send
  rollcast admin suspend bob@acme"""

ADD_HELP = """\
Add an account, and write its credentials to a file.

The file, $ROLLCAST_HOME/credentials/ADDR.json, holds the only copy of the
account's password. Move it to the terminal that has this address, into the
same place below its ROLLCAST_HOME, and keep it readable by its owner only.

For example:
  rollcast admin add bob@acme
  rollcast admin add bob@acme --max-file-size 100MiB --max-recipients 50"""

PASSWD_HELP = """\
Give an account another password, and write its new credentials to a file.

The old password lets nobody in from now on. Connections that are open stay so;
`rollcast admin suspend` closes them.

For example:
  rollcast admin passwd bob@acme"""

Address = Annotated[str, Parameter(help="The address of the account, as name@domain.")]
_STANDARD = Limits()


def application() -> App:
    """The commands below `rollcast admin`."""
    app = App(name="admin", help=HELP, help_epilogue=STATUSES_IN_SHORT)
    app.command(add, help=ADD_HELP)
    app.command(list_, name="list", help="List all accounts of the domains in ROLLCAST_DOMAINS.")
    app.command(
        remove, help="Remove an account for good, with its connections and the credentials kept here."
    )
    app.command(passwd, help=PASSWD_HELP)
    app.command(suspend, help="Keep an account, but let it neither send nor receive until it is resumed.")
    app.command(resume, help="Let a suspended account send and receive again.")
    return app


def add(
    addr: Address,
    /,
    *,
    max_file_size: Annotated[Size, Parameter(help="The biggest file that it may be sent or send.")] = None,
    accept_type: Annotated[
        Types, Parameter(help="Only such media types may be sent to it, such as 'image/*'. Repeatable.")
    ] = None,
    may_send: Annotated[
        bool, Parameter(negative="--no-may-send", help="Whether it may send files.")
    ] = _STANDARD.may_send,
    max_recipients: Annotated[
        int,
        Parameter(
            metavar="N",
            validator=validators.Number(gte=0, lt=2**53),
            help="The most receivers of one file.",
        ),
    ] = _STANDARD.max_recipients,
) -> int:
    """Add an account. Returns the exit status."""
    limits = Limits(
        max_file_size=_STANDARD.max_file_size if max_file_size is None else max_file_size,
        accept_types=accept_type or [],
        may_send=may_send,
        max_recipients=max_recipients,
    )
    return run(accounts.add(addr, limits))


def passwd(addr: Address, /) -> int:
    """Give an account another password. Returns the exit status."""
    return run(accounts.new_password(addr))


def list_(*, json: Json = False) -> int:
    """List accounts. Returns the exit status."""
    return run(accounts.list_accounts(json=json))


def remove(addr: Address, /) -> int:
    """Remove an account. Returns the exit status."""
    return run(accounts.change("remove", addr))


def suspend(addr: Address, /) -> int:
    """Suspend an account. Returns the exit status."""
    return run(accounts.change("suspend", addr))


def resume(addr: Address, /) -> int:
    """Resume an account. Returns the exit status."""
    return run(accounts.change("resume", addr))
