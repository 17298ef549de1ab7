"""How far a transfer has come, as its sender's events tell."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

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
    UploadStarted,
)
from rollcast.report import Report
from rollcast.states import Receiver, Transfer

_WORDS: Mapping[Receiver, str] = {
    Receiver.REJECTED: "declined",
    Receiver.INCAPABLE: "unable",
    Receiver.UNKNOWN: "unknown",
    Receiver.NO_ANSWER: "silent",
}


PAUSED = "the broker takes nothing at present: it is low on memory or disk"


@dataclass
class Course:
    """A transfer of a file of `size` bytes. `later`: how many came onto the list after it was made; `bytes` counts
    what each receiver has stored."""

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
    bytes: Mapping[str, int] = field(default_factory=dict)
    report: Report | None = None

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
            case Uploaded():
                self.uploaded = True
            case Progressed():
                self.bytes = event.receivers
            case Reported():
                self.report = event.report

    @property
    def progress(self) -> list[tuple[str, int]]:
        """The receivers on the list with the bytes that each has stored, the slowest first."""
        listed = () if self.resolved is None else self.resolved.listed
        return sorted(
            ((receiver.address, self.bytes.get(receiver.address, 0)) for receiver in listed),
            key=lambda receiver: receiver[1],
        )

    def share(self, stored: int) -> float:
        """The part of the file, up to 1, that so many bytes are; an empty file is there from the start."""
        return stored / self.size if self.size else 1.0

    def roll_call(self) -> str:
        """The result in numbers, such as `3 accepted (1 later), 1 declined, 1 unable`."""
        assert self.resolved is not None
        counts = Counter(_WORDS.get(other.state, str(other.state)) for other in self.resolved.others)
        accepted = f"{len(self.resolved.listed)} accepted" + (f" ({self.later} later)" if self.later else "")
        return ", ".join([accepted, *(f"{n} {word}" for word, n in counts.items())])
