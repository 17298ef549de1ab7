"""`rollcast send`: its options and its help."""

from pathlib import Path
from typing import Annotated

from cyclopts import ArgumentCollection, Group, Parameter

from rollcast.cli.exits import UsageError
from rollcast.cli.options import (
    ConsentTimeout,
    Detach,
    Expires,
    Json,
    ListPolicy,
    Sha256,
    To,
    ToFile,
    Upload,
    check_times,
    converted,
    transfer_id,
)
from rollcast.cli.recipients import check_list_policy, recipients
from rollcast.cli.running import run
from rollcast.cli.sending import Order
from rollcast.cli.sending import resume as resume_transfer
from rollcast.cli.sending import send as send_order

HELP = """\
Send a file, and report who has it.

All receivers are asked first. Those who are able and consent make up the
receiver list; if it satisfies the list policy the file is uploaded once and
delivered to them. The command ends when each of them has come to an end, and
prints the report on standard output. What happens until then goes to standard
error, as a drawing on a terminal and as lines elsewhere.

Ctrl-C cancels the transfer and waits up to 5 s for its report; a second Ctrl-C
leaves at once. A transfer whose sender was ended otherwise goes on with
--resume and its id, where it was, without a new roll call. A transfer ends by
its expiry in any case.

Who puts the decision off (defers) does not hold the command up: it reports
with status 1, and the transfer stays open for them until it expires.

For example:
  rollcast send plan.pdf --as alice@acme --to bob@acme --to carol@globex
  rollcast send plan.pdf --as alice@acme --to-file staff.txt --expires 7d
  rollcast send plan.pdf --as alice@acme --to-file - --detach < staff.txt
  rollcast send plan.pdf --as alice@acme --to bob@acme --dry-run --json
  rollcast send --resume 0123456789abcdef0123456789abcdef"""

USAGE = """\
Usage: rollcast send FILE --as ADDR --to ADDR [OPTIONS]
       rollcast send --resume TRANSFER [--json]"""
GOES_WITH_RESUME = frozenset({"--resume", "--as", "--json"})
AsSender = Annotated[
    str | None, Parameter(name="--as", metavar="ADDR", help="The address that this terminal has.")
]


def _check(arguments: ArgumentCollection) -> None:
    given = {argument.name for argument in arguments.filter_by(value_set=True)}
    if "--resume" in given and (others := given - GOES_WITH_RESUME):
        raise UsageError(
            f"--resume goes on with what was asked for, without {' and '.join(sorted(others))}",
            hint="Give the id alone.",
        )
    if {"--dry-run", "--detach"} <= given:
        raise UsageError("--dry-run sends nothing that --detach could leave to the server", hint="Give one.")


OPTIONS = Group("Parameters", validator=_check)


def send(
    file: Annotated[Path | None, Parameter(help="The file to send.")] = None,
    /,
    *,
    as_: AsSender = None,
    resume: Annotated[
        str | None,
        Parameter(
            converter=converted(transfer_id),
            metavar="TRANSFER",
            help="Go on with this transfer, whose sender stopped; FILE and all options are as they were.",
        ),
    ] = None,
    to: To = None,
    to_file: ToFile = None,
    list_policy: ListPolicy = "subset",
    consent_timeout: ConsentTimeout = 60.0,
    expires: Expires = 86_400.0,
    upload: Upload = "live",
    detach: Detach = False,
    dry_run: Annotated[bool, Parameter(help="Only take the roll: report who would get the file.")] = False,
    sha256: Sha256 = False,
    json: Json = False,
) -> int:
    """Send a file. Returns the exit status."""
    if resume is not None:
        return run(resume_transfer(resume, as_, json=json))
    if file is None or as_ is None:
        missing = "FILE" if file is None else "--as"
        raise UsageError(f"{missing} is missing", hint="See `rollcast send --help`.")
    names = tuple(recipients(to or (), to_file))
    check_list_policy(list_policy, names)
    check_times(consent_timeout, expires)
    order = Order(
        file=file,
        sender=as_,
        recipients=names,
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
