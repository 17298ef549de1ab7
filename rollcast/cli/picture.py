"""A transfer as a picture for a terminal: the roll call, the upload and the slowest receivers."""

import time
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from rollcast.cli.course import PAUSED, Course
from rollcast.cli.pace import Pace
from rollcast.cli.receiver_table import BAR, receiver_lines
from rollcast.cli.report_text import so_far
from rollcast.cli.tables import bar
from rollcast.cli.texts import plural, visible
from rollcast.cli.waiting import SECOND
from rollcast.sizes import size_text
from rollcast.states import Transfer

OTHER_ROWS = 7
"""Five lines above the receivers, one below for those that do not fit, one for the cursor."""


class Picture:
    """What `course` looks like, in as many rows as the terminal has; in the end without receivers."""

    def __init__(self, course: Course, *, final: bool = False) -> None:
        self._course = course
        self._final = final

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        course = self._course
        yield _line(f"{course.name}  {size_text(course.size)}  transfer {course.transfer_id}", "bold")
        yield _line(_roll_call(course))
        if self._final or not (course.uploading or course.uploaded):
            return
        yield _line(_upload(course))
        if course.resolved is not None:
            yield from map(_line, _delivery(course, console.width, console.height))


def _roll_call(course: Course) -> str:
    if course.paused:
        return f"Paused  {PAUSED}; it goes on by itself"
    if course.resolved is not None:
        asked = len(course.resolved.listed) + len(course.resolved.others)
        return f"Roll call  {asked} asked: {course.roll_call()}"
    if course.held is not None:
        return f"Held  {course.held.detail}"
    if course.accepted is None:
        return f"Reading  {_bar(course, course.reading) or 'the file'}"
    if course.accepted.state is Transfer.REQUESTED:
        return f"Roll call  {course.accepted.recipients} to be asked"
    left = max(0.0, course.accepted.consent_deadline / SECOND - time.time())
    return f"Roll call  {course.accepted.recipients} asked, {left:.0f} s left to answer"


def _upload(course: Course) -> str:
    if course.uploaded:
        return f"Upload  {bar(1, 1, BAR)}  the server has it all"
    return f"Upload  {_bar(course, course.upload) or 'under way'}"


def _bar(course: Course, pace: Pace) -> str:
    """How far it is; nothing where that is not known."""
    if not pace.known:
        return ""
    status = pace.status("", course.size)
    return f"{bar(status.bytes, course.size, BAR)}  {so_far(status, course.size)}"


def _delivery(course: Course, columns: int, rows: int) -> Iterator[str]:
    progress = course.progress
    done = sum(course.share(receiver.bytes) >= 1 for receiver in progress)
    yield f"Delivery  {done} of {plural(len(progress), 'receiver')} stored it all"
    room = max(1, rows - OTHER_ROWS)
    yield from receiver_lines(progress[:room], course.size, course.clock(), columns)
    if len(progress) > room:
        yield f"  and {len(progress) - room} that are further"


def _line(text: str, style: str = "") -> Text:
    return Text(visible(text), style, no_wrap=True, overflow="ellipsis")
