"""`rollcast receive`: its options and its help."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from rollcast.cli.deciding import Accept, decide_by
from rollcast.cli.options import As, Size, Types
from rollcast.cli.receiving import Post
from rollcast.cli.receiving import receive as receive_post
from rollcast.cli.running import run
from rollcast.messages.values import MAX_FILE_SIZE, Capabilities

HELP = """\
Receive files into a folder, until Ctrl-C.

A file appears under its name only when it is whole, verified and safely on
disk; if the name is taken it becomes `name (2)`. Each file is told on standard
output, all else on standard error. What was begun is kept below DIR/.rollcast
and goes on where it was with the next start. Only one process at a time can
receive for an address, on any machine; another one ends with status 4.

--max-file-size and --accept-type are told to the server, which then does not
even ask for other files: their sender sees `incapable`. --accept and
--accept-from answer what is asked: the sender sees `rejected`. Who is
asked may put the decision off: the sender sees `deferred`, the transfer stays
open until it expires, and the question comes again when `receive` is started
again. A question that nobody answers stays open as long as the transfer does.

Ctrl-C ends with status 130, SIGTERM and a full --count with 0. In any case
what was acknowledged is on disk.

For example:
  rollcast receive --as bob@acme --into inbox
  rollcast receive --as bob@acme --into inbox --accept all --accept-from '*@acme'
  rollcast receive --as bob@acme --into inbox --accept all --count 1 --json"""


def receive(
    *,
    as_: As,
    into: Annotated[Path, Parameter(metavar="DIR", help="The folder for the files; made if need be.")],
    accept: Annotated[
        Accept | None,
        Parameter(help="What to answer: ask whoever sits at this terminal (default on one), all or none."),
    ] = None,
    accept_from: Annotated[
        list[str] | None,
        Parameter(
            metavar="PATTERN",
            help="Decline files of senders that match none of these, such as '*@acme'. Repeatable.",
        ),
    ] = None,
    max_file_size: Annotated[Size, Parameter(help="Take no bigger files than this, such as 100MiB.")] = None,
    accept_type: Annotated[
        Types, Parameter(help="Take only such media types, such as application/pdf or 'image/*'. Repeatable.")
    ] = None,
    count: Annotated[
        int | None, Parameter(metavar="N", validator=validators.Number(gte=1), help="End after N files.")
    ] = None,
    json: Annotated[
        bool, Parameter(help="Write one JSON document for each event, a line each, to standard output.")
    ] = False,
) -> int:
    """Receive files. Returns the exit status."""
    post = Post(
        address=as_,
        into=into,
        decide=decide_by(accept, accept_from or ()),
        asks=accept in {None, "ask"},
        capabilities=Capabilities(
            max_file_size=MAX_FILE_SIZE if max_file_size is None else max_file_size, types=accept_type or []
        ),
        count=count,
        json=json,
    )
    return run(receive_post(post))
