"""`rollcast top`: its options, its help, and what it does."""

from functools import partial

from rollcast.cli import access, output, overview_picture, screen
from rollcast.cli.exits import Exit
from rollcast.cli.options import Json
from rollcast.cli.overview_json import overview_json
from rollcast.cli.running import run
from rollcast.operator import Operator
from rollcast.overview import together

HELP = """\
Watch what servers do, as the operator, until Ctrl-C.

Each pool with the messages that are ready for it and those that its workers
have taken, how many workers consume, and how many messages a second come in
and go out; what waits to be tried again, and what is parked; transfers by
state and those under way; the receivers that hold them up most: those that
stand still, then those that have least.

Elsewhere than on a terminal, and with --json, it is told once. The broker
counts its queues every few seconds, and so old are their figures.

For example:
  rollcast top
  rollcast top --json"""

LOOK_EVERY = 2.0
"""Seconds. The broker counts less often than that."""


def top(*, json: Json = False) -> int:
    """Watch servers. Returns the exit status."""
    return run(_top(json=json))


async def _top(*, json: bool) -> int:
    async with access.operator() as operator:
        if json:
            output.emit_document(overview_json(together(await operator.overviews())))
        elif screen.drawable():
            await screen.watch(lambda _: _seen(operator), every=LOOK_EVERY, whole=True)
        else:
            screen.show(await _seen(operator))
    return Exit.DONE


async def _seen(operator: Operator) -> screen.Drawn:
    return partial(overview_picture.draw, together(await operator.overviews()))
