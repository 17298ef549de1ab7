"""`rollcast retry`: its options and its help."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rollcast.cli.options import AsKept, Detach, Expires, Json, TransferId, Upload
from rollcast.cli.retrying import Retry
from rollcast.cli.retrying import retry as retry_order
from rollcast.cli.running import run

HELP = """\
Send the file of a transfer that has ended once more, to those cut off.

These are the receivers that accepted it and then failed, were cancelled or
expired. They are not asked again, and nobody else gets anything. It is a new
transfer with a report of its own; everything else is as with `send`.

The file must be the same as before. Its place and the sender are known where
it was sent from, in $ROLLCAST_HOME; elsewhere give FILE and --as.

For example:
  rollcast retry 0123456789abcdef0123456789abcdef
  rollcast retry 0123456789abcdef0123456789abcdef plan.pdf --as alice@acme"""

USAGE = "Usage: rollcast retry [OPTIONS] TRANSFER [FILE]"


def retry(
    transfer: TransferId,
    file: Annotated[
        Path | None, Parameter(help="The file; by default where it was when it was sent.")
    ] = None,
    /,
    *,
    as_: AsKept = None,
    expires: Expires = 86_400.0,
    upload: Upload = "live",
    detach: Detach = False,
    json: Json = False,
) -> int:
    """Retry a transfer. Returns the exit status."""
    order = Retry(
        transfer_id=transfer,
        file=file,
        sender=as_,
        expires=expires,
        upload=upload,
        detach=detach,
        json=json,
    )
    return run(retry_order(order))
