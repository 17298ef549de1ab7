"""How far a transfer has come, as its sender's events tell."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rollcast.cli.pace import Pace
from rollcast.events import (
    Accepted,
    Held,
    ListResolved,
    Paused,
    Progressed,
    Reported,
    Resumed,
    SenderEvent,
    Uploaded,
    UploadProgressed,
    UploadStarted,
)
from rollcast.messages.values import ReceiverStatus
from rollcast.report import Report
from rollcast.states import Receiver, Transfer

_WORDS: Mapping[Receiver, str] = {
    Receiver.REJECTED: "declined",
    Receiver.INCAPABLE: "unable",
    Receiver.UNKNOWN: "unknown",
    Receiver.NO_ANSWER: "silent",
}


PAUSED = "the broker takes nothing at present: it is low on memory or disk"


def _now() -> int:
    return time.time_ns() // 1000


@dataclass
class Course:
    """A transfer of a file of `size` bytes. `later`: how many came onto the list after it was made; `paces` are those
    of the receivers that have reported any bytes. `clock` tells µs UTC."""

    transfer_id: str
    sender: str
    name: str
    size: int
    retry_of: str | None = None
    accepted: Accepted | None = None
    held: Held | None = None
    paused: bool = False
    resolved: ListResolved | None = None
    later: int = 0
    uploading: bool = False
    uploaded: bool = False
    reading: Pace = field(default_factory=Pace)
    upload: Pace = field(default_factory=Pace)
    paces: dict[str, Pace] = field(default_factory=lambda: defaultdict(Pace))
    report: Report | None = None
    clock: Callable[[], int] = _now

    def read(self, so_far: int) -> None:
        """Note how many bytes of the file have been read before it is sent."""
        self.reading.note(so_far, self.clock())

    def take(self, event: SenderEvent) -> None:
        """Note what happened."""
        match event:
            case Accepted():
                self.accepted = event
                self.held = self.held if event.state is Transfer.HELD else None
            case Held():
                self.held = event
            case Paused() | Resumed():
                self.paused = isinstance(event, Paused)
            case ListResolved():
                self.later += 0 if self.resolved is None else len(event.added)
                self.resolved = event
            case UploadStarted():
                self.uploading = True
            case UploadProgressed():
                self.upload.note(event.bytes, self.clock())
            case Uploaded():
                self.uploaded = True
            case Progressed():
                for address, stored in event.receivers.items():
                    self.paces[address].note(stored, self.clock())
            case Reported():
                self.report = event.report

    @property
    def progress(self) -> list[ReceiverStatus]:
        """The receivers on the list as far as they are known to be, the slowest first."""
        listed = () if self.resolved is None else self.resolved.listed
        return sorted(map(self._so_far, listed), key=lambda receiver: receiver.bytes)

    def _so_far(self, listed: ReceiverStatus) -> ReceiverStatus:
        pace = self.paces.get(listed.address)
        return listed if pace is None else pace.status(listed.address, self.size)

    def share(self, stored: int) -> float:
        """The part of the file, up to 1, that so many bytes are; an empty file is there from the start."""
        return stored / self.size if self.size else 1.0

    def roll_call(self) -> str:
        """The result in numbers, such as `3 accepted (1 later), 1 declined, 1 unable`."""
        assert self.resolved is not None
        counts = Counter(_WORDS.get(other.state, str(other.state)) for other in self.resolved.others)
        accepted = f"{len(self.resolved.listed)} accepted" + (f" ({self.later} later)" if self.later else "")
        return ", ".join([accepted, *(f"{n} {word}" for word, n in counts.items())])
