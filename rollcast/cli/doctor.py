"""`rollcast doctor`: its options and its help."""

from typing import Annotated

from cyclopts import Parameter

from rollcast.cli.examination import examine
from rollcast.cli.options import Json
from rollcast.cli.running import run

HELP = """\
Look whether all is as it should be, and say what to do where it is not.

A line for each thing: `ok`, or `!!` with what to do. As the operator: the
broker's version, plugins, alarms and policies, rights, queues and who consumes
them, parked messages, the ledger, the spool and its room, clocks. With --as
what a terminal can see: its credentials, the broker, its server, its account.

The exit status is 0 if all is well, 1 if something is not, and 4 if the broker
cannot be reached or does not let us in.

For example:
  rollcast doctor
  rollcast doctor --as bob@acme --json"""


def doctor(
    *,
    as_: Annotated[
        str | None,
        Parameter(
            name="--as", metavar="ADDR", help="Look as the terminal of this address, not as the operator."
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Look whether all is well. Returns the exit status."""
    return run(examine(as_, json=json))
