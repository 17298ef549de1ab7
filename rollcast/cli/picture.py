"""A transfer as a picture for a terminal: the roll call, the upload and the slowest receivers."""

import time
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rollcast.cli.course import PAUSED, Course
from rollcast.cli.texts import plural, visible
from rollcast.sizes import size_text
from rollcast.states import Transfer

BAR_WIDTH = 30
OTHER_ROWS = 6
"""Four lines above the receivers' bars, one below for those that do not fit, one for the cursor."""


class Picture:
    """What `course` looks like, in as many rows as the terminal has; in the end without bars."""

    def __init__(self, course: Course, *, final: bool = False) -> None:
        self._course = course
        self._final = final

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        course = self._course
        yield _line(f"{course.name}  {size_text(course.size)}  transfer {course.transfer_id}", "bold")
        yield _line(_roll_call(course))
        if self._final or not (course.uploading or course.uploaded):
            return
        yield self._upload()
        if course.resolved is not None:
            yield from self._delivery(console.size.height)

    def _upload(self) -> RenderableType:
        total = 1.0 if self._course.uploaded else None
        bar = ProgressBar(total, 1.0, width=BAR_WIDTH, pulse=total is None, animation_time=time.monotonic())
        grid = _grid()
        grid.add_row(Text("Upload"), bar, Text("the server has it all" if total else "under way"))
        return grid

    def _delivery(self, height: int) -> Iterator[RenderableType]:
        progress = self._course.progress
        done = sum(self._course.share(stored) >= 1 for _, stored in progress)
        yield _line(f"Delivery  {done} of {plural(len(progress), 'receiver')} stored it all")
        room = max(1, height - OTHER_ROWS)
        yield self._bars(progress[:room])
        if len(progress) > room:
            yield _line(f"  and {len(progress) - room} that are further")

    def _bars(self, slowest: list[tuple[str, int]]) -> RenderableType:
        grid = _grid()
        for address, stored in slowest:
            share = self._course.share(stored)
            bar = ProgressBar(1.0, share, width=BAR_WIDTH)
            grid.add_row(_line(f"  {address}"), bar, Text(f"{share:4.0%}  {size_text(stored)}"))
        return grid


def _roll_call(course: Course) -> str:
    if course.paused:
        return f"Paused  {PAUSED}; it goes on by itself"
    if course.resolved is not None:
        asked = len(course.resolved.listed) + len(course.resolved.others)
        return f"Roll call  {asked} asked: {course.roll_call()}"
    if course.held is not None:
        return f"Held  {course.held.detail}"
    if course.accepted is None:
        return "Roll call  the file is being read, then the server is asked"
    if course.accepted.state is Transfer.REQUESTED:
        return f"Roll call  {course.accepted.recipients} to be asked"
    left = max(0.0, course.accepted.consent_deadline / 1_000_000 - time.time())
    return f"Roll call  {course.accepted.recipients} asked, {left:.0f} s left to answer"


def _line(text: str, style: str = "") -> Text:
    return Text(visible(text), style, no_wrap=True, overflow="ellipsis")


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, overflow="ellipsis")
    grid.add_column(width=BAR_WIDTH)
    grid.add_column(no_wrap=True, justify="left")
    return grid
