"""`rollcast parked`: its commands, their options and their help."""

from typing import Annotated

from cyclopts import App, Parameter

from rollcast.cli import parked_messages
from rollcast.cli.exits import STATUSES_IN_SHORT
from rollcast.cli.options import Json
from rollcast.cli.running import run

HELP = """\
List, show, replay and drop messages that could not be handled, as the operator.

Such a message is kept until somebody decides about it. Replayed, it does what
it would have done: it counts as coming from whoever sent it first. Replaying
one twice does no harm, and one that fails again is parked again.

For example:
  rollcast parked list
  rollcast parked show 0123456789abcdef
  rollcast parked replay 0123456789abcdef 123456789abcdef0
  rollcast parked list | grep s260 | cut -c1-16 | xargs -r rollcast parked replay"""

LIST_HELP = """\
List parked messages, the oldest first.

A line has the id, the time, the step that gave the message up, the reason,
the message, its transfer, who sent it, and how often it was tried.

For example:
  rollcast parked list
  rollcast parked list --json"""

SHOW_HELP = """\
Show one parked message with all that it says.

What cannot be read as a message is shown byte by byte, in hexadecimal. After
65,536 characters it is cut off.

For example:
  rollcast parked show 0123456789abcdef
  rollcast parked show 0123456789abcdef --json"""

REPLAY_HELP = """\
Let parked messages be handled again, when what hindered them is gone.

A message is refused here if nobody can say who sent it. Of several messages
the others are replayed.

For example:
  rollcast parked replay 0123456789abcdef
  rollcast parked list | cut -c1-16 | xargs -r rollcast parked replay"""

DROP_HELP = """\
Throw parked messages away for good. The workers' log keeps a line of each.

For example:
  rollcast parked drop 0123456789abcdef
  rollcast parked list | grep s260 | cut -c1-16 | xargs -r rollcast parked drop"""

Id = Annotated[str, Parameter(name="ID", help="The id of a message, as `parked list` tells it.")]
Ids = Annotated[list[str], Parameter(name="ID", help="The ids of messages, as `parked list` tells them.")]


def application() -> App:
    """The commands below `rollcast parked`."""
    app = App(name="parked", help=HELP, help_epilogue=STATUSES_IN_SHORT)
    app.command(list_, name="list", help=LIST_HELP)
    app.command(show, help=SHOW_HELP)
    app.command(replay, help=REPLAY_HELP, usage="Usage: rollcast parked replay ID...")
    app.command(drop, help=DROP_HELP, usage="Usage: rollcast parked drop ID...")
    return app


def list_(*, json: Json = False) -> int:
    """List parked messages. Returns the exit status."""
    return run(parked_messages.list_all(json=json))


def show(message_id: Id, /, *, json: Json = False) -> int:
    """Show a parked message. Returns the exit status."""
    return run(parked_messages.show(message_id, json=json))


def replay(ids: Ids, /) -> int:
    """Replay parked messages. Returns the exit status."""
    return run(parked_messages.settle("replay", ids))


def drop(ids: Ids, /) -> int:
    """Drop parked messages. Returns the exit status."""
    return run(parked_messages.settle("drop", ids))
