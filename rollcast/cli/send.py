"""`rollcast send`: its options and its help."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from rollcast.cli.options import As, Duration, Json
from rollcast.cli.recipients import recipients
from rollcast.cli.running import run
from rollcast.cli.sending import Order
from rollcast.cli.sending import send as send_order

HELP = """\
Send a file, and report who has it.

All receivers are asked first. Those who are able and consent make up the
receiver list; if it satisfies the list policy the file is uploaded once and
delivered to them. The command ends when each of them has come to an end, and
prints the report on standard output. What happens until then goes to standard
error, as a drawing on a terminal and as lines elsewhere.

Ctrl-C leaves; the message says whether the transfer goes on, and under which
id. A second Ctrl-C does not wait for the connection to close. A transfer ends
by its expiry in any case.

For example:
  rollcast send plan.pdf --as alice@acme --to bob@acme --to carol@globex
  rollcast send plan.pdf --as alice@acme --to-file staff.txt --expires 7d
  rollcast send plan.pdf --as alice@acme --to-file - --detach < staff.txt
  rollcast send plan.pdf --as alice@acme --to bob@acme --dry-run --json"""


def send(
    file: Annotated[Path, Parameter(help="The file to send.")],
    /,
    *,
    as_: As,
    to: Annotated[
        list[str] | None, Parameter(metavar="ADDR", help="A receiver; give it once for each of them.")
    ] = None,
    to_file: Annotated[
        str | None,
        Parameter(
            metavar="LIST",
            allow_leading_hyphen=True,
            help="A file with an address on each line, - for standard input; # begins a comment.",
        ),
    ] = None,
    list_policy: Annotated[
        str,
        Parameter(
            metavar="POLICY",
            help="Deliver if the list satisfies this: subset (anybody), all_or_nothing, at_least:K or "
            "mandatory:ADDR,ADDR.",
        ),
    ] = "subset",
    consent_timeout: Annotated[
        Duration, Parameter(help="How long receivers may take to answer, such as 90s or 15m.")
    ] = 60.0,
    expires: Annotated[
        Duration, Parameter(help="When the transfer ends at the latest, such as 24h or 7d.")
    ] = 86_400.0,
    upload: Annotated[
        Literal["live", "eager"],
        Parameter(help="Upload when the list is made (live), or already during the roll call (eager)."),
    ] = "live",
    detach: Annotated[
        bool, Parameter(help="End when the server has the file, and let it deliver; implies --upload eager.")
    ] = False,
    dry_run: Annotated[bool, Parameter(help="Only take the roll: report who would get the file.")] = False,
    sha256: Annotated[bool, Parameter(help="Let receivers check the SHA-256 too, beside BLAKE3.")] = False,
    json: Json = False,
) -> int:
    """Send a file. Returns the exit status."""
    order = Order(
        file=file,
        sender=as_,
        recipients=tuple(recipients(to or (), to_file)),
        list_policy=list_policy,
        consent_timeout=consent_timeout,
        expires=expires,
        upload=upload,
        detach=detach,
        dry_run=dry_run,
        sha256=sha256,
        json=json,
    )
    return run(send_order(order))
