"""Follows a transfer of this sender to its report, and takes it back on Ctrl-C."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, aclosing, nullcontext

from rich.console import Console

from rollcast.cli import access, output
from rollcast.cli.course import Course
from rollcast.cli.drawing import Drawing
from rollcast.cli.exits import Exit, status_of_report, status_of_sending
from rollcast.cli.milestones import Milestones
from rollcast.cli.report_text import print_report
from rollcast.cli.taking_back import take_back
from rollcast.events import SenderEvent
from rollcast.sender import Sender

Begin = Callable[[Sender], AsyncGenerator[SenderEvent, None]]


async def follow(course: Course, begin: Begin, *, json: bool) -> int:
    """Send what `begin` does and print the report. Returns the exit status."""
    async with access.sending(course.sender) as sender:
        try:
            await _follow(begin(sender), course)
            report = course.report or await sender.status(course.transfer_id)
        except asyncio.CancelledError:
            print_report(await take_back(sender, course, json=json), json=json)
            return Exit.INTERRUPTED
    if course.report is None:
        output.say(f"the server goes on with it; {_see(course)}")
    print_report(report, json=json)
    return status_of_report(report) if course.report is None else status_of_sending(report)


async def _follow(sending: AsyncGenerator[SenderEvent, None], course: Course) -> None:
    with _watching(course) as watcher:
        async with aclosing(sending) as events:
            async for event in events:
                course.take(event)
                watcher.show(event)


def _watching(course: Course) -> AbstractContextManager[Drawing | Milestones]:
    drawable = sys.stderr.isatty() and not Console(stderr=True).is_dumb_terminal
    return Drawing(course) if drawable else nullcontext(Milestones(course))


def _see(course: Course) -> str:
    return f"see `rollcast status {course.transfer_id} --as {course.sender}`"
