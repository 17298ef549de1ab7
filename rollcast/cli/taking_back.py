"""Takes back on Ctrl-C what is being sent, and says how it is left on a second one."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from rollcast.cli import output
from rollcast.cli.course import Course
from rollcast.cli.exits import Exit, Interrupted
from rollcast.errors import RequestRefused, RollcastError
from rollcast.report import Report
from rollcast.sender import Sender

WITHIN = 5.0
"""Seconds to wait for the end of a transfer that is taken back."""


async def take_back(sender: Sender, course: Course, *, json: bool) -> Report:
    """The report of a transfer that was cancelled. Raises `Interrupted` if there is none yet."""
    name = f"transfer {course.transfer_id}"
    output.say(f"interrupted; cancelling {name}; Ctrl-C again leaves at once")
    try:
        with _said_when_left(course, json=json):
            async with asyncio.timeout(WITHIN):
                report = await sender.cancel(course.transfer_id)
    except TimeoutError:
        raise _unconfirmed(course) from None
    except RequestRefused as refused:
        raise Interrupted("interrupted; nothing was sent") from refused
    except RollcastError as error:
        hint = f"Cancel it with `rollcast cancel {course.transfer_id} --as {course.sender}`."
        raise Interrupted(f"interrupted; {name} goes on: {error}", hint=hint) from error
    output.say(f"rollcast: interrupted; {name} is {report.transfer.state}")
    return report


@contextmanager
def _said_when_left(course: Course, *, json: bool) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, _leave, course, json)
    try:
        yield
    finally:
        loop.add_signal_handler(signal.SIGINT, os._exit, Exit.INTERRUPTED)


def _leave(course: Course, json: bool) -> None:
    output.fail(_unconfirmed(course), as_json=json)
    os._exit(Exit.INTERRUPTED)


def _unconfirmed(course: Course) -> Interrupted:
    hint = f"Make sure with `rollcast cancel {course.transfer_id} --as {course.sender}`."
    return Interrupted(
        f"interrupted; that transfer {course.transfer_id} is cancelled is not confirmed yet", hint=hint
    )
