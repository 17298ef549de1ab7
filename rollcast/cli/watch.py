"""`rollcast watch`: its options and its help."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from rollcast.cli.options import (
    As,
    ConsentTimeout,
    Duration,
    Expires,
    ListPolicy,
    Sha256,
    To,
    ToFile,
    check_times,
)
from rollcast.cli.recipients import check_list_policy, recipients
from rollcast.cli.running import run
from rollcast.cli.watching import Post
from rollcast.cli.watching import watch as watch_post
from rollcast.watch import Plan

HELP = """\
Send what appears in a folder, each file once, until Ctrl-C.

A file is sent when its size and its times have not changed for the time of
--settle, so a writer that pauses for longer needs a longer one. Better is a
writer that uses a temporary name and renames the file when it is complete:
names that begin with . or ~, or end in ~, .part, .partial, .filepart, .tmp,
.temp or .crdownload are left alone. So are folders and what is in them,
symbolic links, and all else that is no regular file.

Files stay where they are. A file is sent again when its content changes, or
when it was taken away and another one of its name appears; one that changes
while it is sent is taken back, and sent as it is then. A file that was begun
is sent to its end even if it is removed meanwhile.

What was sent stands in $ROLLCAST_HOME/watch, for each folder and sender, so
a watch that was stopped or killed goes on where it was and sends nothing
twice. Only one at a time can watch a folder for the same sender. Files that
could not be read or that the server refused are tried again when they change,
and when the watch is started again.

The report of each file goes to standard output, all else to standard error.
Eight files are uploaded at a time; whose receivers are waited for after that
holds up nobody. With --upload live a file counts among the eight until its
receivers have answered and the server has it. If the broker or the server is
away the watch says so, and waits for as long as it takes. Ctrl-C ends with
status 130 and SIGTERM with 0; what is under way goes on with the next start.

For example:
  rollcast watch /srv/drop --as alice@acme --to bob@acme --to carol@globex
  rollcast watch outbox --as alice@acme --to-file staff.txt --settle 1m --json"""


def watch(
    folder: Annotated[Path, Parameter(name="DIR", help="The folder.")],
    /,
    *,
    as_: As,
    to: To = None,
    to_file: ToFile = None,
    settle: Annotated[
        Duration, Parameter(help="How long a file must not change to be complete, such as 30s.")
    ] = 5.0,
    list_policy: ListPolicy = "subset",
    consent_timeout: ConsentTimeout = 60.0,
    expires: Expires = 86_400.0,
    upload: Annotated[
        Literal["live", "eager"],
        Parameter(help="Upload already during the roll call (eager), or when the list is made (live)."),
    ] = "eager",
    sha256: Sha256 = False,
    json: Annotated[
        bool, Parameter(help="Write one JSON document for each file, a line each, to standard output.")
    ] = False,
) -> int:
    """Watch a folder. Returns the exit status."""
    names = tuple(recipients(to or (), to_file))
    check_list_policy(list_policy, names)
    check_times(consent_timeout, expires)
    plan = Plan(
        recipients=names,
        list_policy=list_policy,
        consent_timeout=consent_timeout,
        expires=expires,
        upload=upload,
        sha256=sha256,
    )
    return run(watch_post(Post(folder=folder, sender=as_, plan=plan, settle=settle, json=json)))
