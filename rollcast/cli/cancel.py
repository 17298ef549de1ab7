"""`rollcast cancel`: its options and its help."""

from rollcast.cli.cancelling import cancel as cancel_transfer
from rollcast.cli.options import AsKept, Json, TransferId
from rollcast.cli.running import run

HELP = """\
Take a transfer back, wherever it is, and report how it ended.

Receivers that do not have the file yet remove what they have of it and
confirm that. The command waits for the end, about a minute at the most: who
has not confirmed by then is reported as cancelled, with the reason
`unconfirmed`. Who had the file before keeps it.

The exit status is 0 if the transfer was cancelled, whether some had the file
already or not, and 1 if it had ended otherwise before.

For example:
  rollcast cancel 0123456789abcdef0123456789abcdef --as alice@acme
  rollcast cancel 0123456789abcdef0123456789abcdef --json"""


def cancel(transfer: TransferId, /, *, as_: AsKept = None, json: Json = False) -> int:
    """Cancel a transfer. Returns the exit status."""
    return run(cancel_transfer(transfer, as_, json=json))
