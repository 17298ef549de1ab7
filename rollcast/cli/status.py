"""`rollcast status` and `rollcast list`: their options and their help."""

from typing import Annotated

from cyclopts import Parameter, validators

from rollcast.cli import transfers
from rollcast.cli.options import AsOrOperator, Json, TransferId
from rollcast.cli.running import run

STATUS_HELP = """\
Report how a transfer stands, while it goes on and after its end.

On a terminal it is drawn until it has ended: each receiver with its state,
what it has stored, how fast, and how long it still takes; those that hold it
up come first. Elsewhere, and with --json, it is told once.

With --as a sender asks after its own transfer; without, the operator after
anybody's. The exit status is that of the transfer: 1 if it ended and some
receivers do not have the file, 0 if all have it or it still goes on.

For example:
  rollcast status 0123456789abcdef0123456789abcdef --as alice@acme
  rollcast status 0123456789abcdef0123456789abcdef --json"""

LIST_HELP = """\
List transfers, newest first, with how many have the file and what it waits for.

With --as those of that sender; without, as the operator, those of all senders
in ROLLCAST_DOMAINS.

For example:
  rollcast list --as alice@acme
  rollcast list --limit 1000 --json"""

LIMIT = 50


def status(
    transfer: TransferId,
    /,
    *,
    as_: AsOrOperator = None,
    json: Json = False,
) -> int:
    """Report on a transfer. Returns the exit status."""
    return run(transfers.status(transfer, as_, json=json))


def list_(
    *,
    as_: AsOrOperator = None,
    limit: Annotated[
        int,
        Parameter(metavar="N", validator=validators.Number(gte=1, lt=2**31), help="The most that are told."),
    ] = LIMIT,
    json: Json = False,
) -> int:
    """List transfers. Returns the exit status."""
    return run(transfers.list_transfers(as_, limit, json=json))
