"""Sends a file and tells how it goes: what `rollcast send` does."""

import asyncio
import sys
from contextlib import AbstractContextManager, aclosing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console

from rollcast import new_transfer_id
from rollcast.cli import access, output
from rollcast.cli.course import Course
from rollcast.cli.drawing import Drawing
from rollcast.cli.exits import status_of_report, status_of_sending
from rollcast.cli.milestones import Milestones
from rollcast.cli.report_text import report_lines
from rollcast.report import Report
from rollcast.sender import Sender


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be sent, and how. Durations in seconds."""

    file: Path
    sender: str
    recipients: tuple[str, ...]
    list_policy: str
    consent_timeout: float
    expires: float
    upload: Literal["live", "eager"]
    detach: bool
    dry_run: bool
    sha256: bool
    json: bool


async def send(order: Order) -> int:
    """Send a file and print the report. Returns the exit status."""
    credentials = access.credentials(order.sender)
    course = Course(new_transfer_id(), order.sender, order.file.name, _size(order.file))
    async with access.patiently(lambda: Sender.connect(credentials)) as sender:
        try:
            await _follow(sender, order, course)
            report = course.report or await sender.status(course.transfer_id)
        except asyncio.CancelledError:
            raise course.interrupted() from None
    if course.report is None:
        output.say(
            f"the server goes on with it; see `rollcast status {course.transfer_id} --as {order.sender}`"
        )
    _print(report, order)
    return status_of_report(report) if course.report is None else status_of_sending(report)


async def _follow(sender: Sender, order: Order, course: Course) -> None:
    sending = sender.send(
        order.file,
        order.recipients,
        list_policy=order.list_policy,
        consent_timeout=order.consent_timeout,
        expires=order.expires,
        upload=order.upload,
        dry_run=order.dry_run,
        detach=order.detach,
        sha256=order.sha256,
        transfer_id=course.transfer_id,
    )
    with _watching(course) as watcher:
        async with aclosing(sending) as events:
            async for event in events:
                course.take(event)
                watcher.show(event)


def _watching(course: Course) -> AbstractContextManager[Drawing | Milestones]:
    drawable = sys.stderr.isatty() and not Console(stderr=True).is_dumb_terminal
    return Drawing(course) if drawable else nullcontext(Milestones(course))


def _print(report: Report, order: Order) -> None:
    if order.json:
        output.emit_document(report.to_json())
    else:
        output.emit(*report_lines(report))


def _size(file: Path) -> int:
    """Bytes; 0 where the file cannot be looked at, which is told when it is opened."""
    try:
        return file.stat().st_size
    except OSError:
        return 0
