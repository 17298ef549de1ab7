"""Standard output as a screen: what is drawn on it once, or again and again while somebody looks."""

import asyncio
import itertools
import logging
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from rollcast.cli import output
from rollcast.cli.tables import cut
from rollcast.cli.texts import visible
from rollcast.errors import BrokerUnavailable

NOTICED = 3.0
"""Seconds without an answer after which it is said."""

Drawn = Callable[[int | None, int | None], Sequence[str]]
"""Makes lines that fit into so many columns and rows; None: as many as it takes."""
Look = Callable[[int], Coroutine[Any, Any, Drawn | None]]
"""Sees what is to be drawn on so many rows; None when there is nothing more to see."""


def drawable() -> bool:
    """Whether standard output is a terminal that can be drawn on."""
    return sys.stdout.isatty() and not Console().is_dumb_terminal


def width() -> int | None:
    """How many columns there are; None where nobody counts them."""
    return Console().width if sys.stdout.isatty() else None


def show(drawn: Drawn) -> None:
    """Draw once, as long as it is."""
    output.emit(*drawn(width(), None))


async def watch(look: Look, *, every: float, whole: bool) -> None:
    """Draw what is seen, with pauses of so many seconds, until there is nothing more; then nothing is left of it.

    With `whole` on a screen of its own. A server that does not answer for a while is waited for.
    """
    console = Console(highlight=False)
    seen, wrong = await look(console.height), ""
    live = Live(
        console=console,
        auto_refresh=False,
        screen=whole,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with _quiet(), live:
        while seen is not None:
            live.update(_Screen(seen, wrong), refresh=True)
            await asyncio.sleep(every)
            try:
                seen, wrong = await _patiently(look(console.height), live, seen), ""
            except BrokerUnavailable as error:
                wrong = f"{error}; trying again"


@contextmanager
def _quiet() -> Iterator[None]:
    """The SDK says nothing meanwhile: its lines would run into the picture, which tells of it."""
    sdk = logging.getLogger("rollcast")
    before = sdk.level
    sdk.setLevel(logging.ERROR)
    try:
        yield
    finally:
        sdk.setLevel(before)


async def _patiently(looking: Coroutine[Any, Any, Drawn | None], live: Live, seen: Drawn) -> Drawn | None:
    """What comes of looking; whoever watches is told that it takes long."""
    task = asyncio.create_task(looking)
    try:
        for waited in itertools.count(1):
            done, _ = await asyncio.wait([task], timeout=NOTICED)
            if done:
                break
            live.update(_Screen(seen, f"no answer for {waited * NOTICED:.0f} s"), refresh=True)
        return task.result()
    finally:
        task.cancel()


class _Screen:
    """Lines on a terminal; what is wrong with them stands above."""

    def __init__(self, drawn: Drawn, wrong: str) -> None:
        self._drawn = drawn
        self._wrong = wrong

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns, rows = console.width, console.height - 1
        warning = [cut(visible(self._wrong), columns)] if self._wrong else []
        lines = [*warning, *self._drawn(columns, rows - len(warning))]
        for number, line in enumerate(lines[:rows]):
            style = "red" if number < len(warning) else "bold" if number == len(warning) else ""
            yield Text(line, style, no_wrap=True, overflow="crop")
