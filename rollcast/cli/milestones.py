"""`send` away from a terminal: a line for each milestone, and progress now and then."""

import time
from collections.abc import Callable, Iterator

from rollcast.cli.course import PAUSED, Course
from rollcast.cli.output import say
from rollcast.cli.report_text import receiver_reason, so_far
from rollcast.cli.texts import plural, time_text
from rollcast.events import (
    Accepted,
    Held,
    ListResolved,
    Paused,
    Progressed,
    Resumed,
    SenderEvent,
    Uploaded,
    UploadProgressed,
    UploadStarted,
)
from rollcast.messages.values import ReceiverStatus
from rollcast.sizes import size_text
from rollcast.states import Transfer

INTERVAL = 5.0
"""Seconds between two lines of progress by which nobody more has stored it all, at least."""


class Milestones:
    """Writes lines to standard error as a transfer goes on."""

    def __init__(self, course: Course, clock: Callable[[], float] = time.monotonic) -> None:
        self._course = course
        self._clock = clock
        self._told = clock()
        self._done = 0
        self._announced = self._asked = self._listed = False

    def show(self, event: SenderEvent) -> None:
        """Tell of an event that the course has taken."""
        match event:
            case Accepted():
                for line in self._accepted(event):
                    say(line)
            case Held():
                say(f"held: {event.detail}")
            case Paused():
                say(f"{PAUSED}; waiting")
            case Resumed():
                say("the broker takes messages again")
            case ListResolved():
                say(*self._resolved(event))
            case UploadStarted():
                say("the upload begins")
            case UploadProgressed():
                self._upload_progressed()
            case Uploaded():
                say("the server has the whole file")
            case Progressed():
                self._progressed()

    def _accepted(self, event: Accepted) -> Iterator[str]:
        """What is sent to whom; that they are asked is told when they are: a refusal may come before."""
        course = self._course
        if not self._announced:
            self._announced = True
            to = plural(event.recipients, "receiver")
            if course.retry_of is not None:
                to = f"those of transfer {course.retry_of} who were cut off"
            yield f"transfer {course.transfer_id}: {course.name}, {size_text(course.size)}, to {to}"
        if event.state is Transfer.ASKING and course.retry_of is None and not self._asked:
            self._asked = True
            yield f"{plural(event.recipients, 'receiver')} asked until {time_text(event.consent_deadline)}"

    def _resolved(self, event: ListResolved) -> list[str]:
        if self._listed:
            lines = [f"  {receiver.address}: accepted later" for receiver in event.added]
        else:
            lines = [f"  {other.address}: {_why(other)}" for other in event.others]
        self._listed = True
        return [f"receiver list: {self._course.roll_call()}", *lines]

    def _upload_progressed(self) -> None:
        """Told until receivers are seen to store it."""
        course, now = self._course, self._clock()
        if course.paces or now - self._told < INTERVAL:
            return
        self._told = now
        say(f"uploaded {so_far(course.upload.status('', course.size), course.size)}")

    def _progressed(self) -> None:
        course, now = self._course, self._clock()
        progress = course.progress
        shares = [course.share(receiver.bytes) for receiver in progress]
        done = sum(share >= 1 for share in shares)
        if not progress or (now - self._told < INTERVAL and done == self._done):
            return
        self._told, self._done = now, done
        told = f"{done} of {plural(len(shares), 'receiver')} stored it all, on average {_mean(shares)}"
        slowest = ", ".join(filter(None, (progress[0].address, so_far(progress[0], course.size))))
        say(told if done == len(shares) else f"{told}; the slowest, {slowest}")


def _why(receiver: ReceiverStatus) -> str:
    return ", ".join(filter(None, (receiver.state, receiver_reason(receiver))))


def _mean(shares: list[float]) -> str:
    return f"{sum(shares) / len(shares):.0%}"
