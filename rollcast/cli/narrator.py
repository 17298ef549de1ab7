"""What happens to a receiver, told to people: files on standard output, all else on standard error."""

import time
from collections.abc import Callable

from rollcast.cli.arrivals import Arrivals
from rollcast.cli.output import emit, say
from rollcast.events import (
    Answered,
    AnswerRefused,
    Asked,
    Delivered,
    Ended,
    Failed,
    Opened,
    Ready,
    ReceiverEvent,
    Stored,
)
from rollcast.messages.values import Offer
from rollcast.report import sentence
from rollcast.sizes import size_text
from rollcast.states import Transfer

INTERVAL = 5.0
"""Seconds between two lines of progress of a file, at least."""


class Narrator:
    """Writes a line for each event that people want to know of; not how far files are where `arrivals` are drawn."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, drawn: bool = False) -> None:
        self.arrivals = Arrivals()
        self._clock = clock
        self._drawn = drawn
        self._told: dict[str, float] = {}

    def tell(self, event: ReceiverEvent) -> bool:
        """Tell of an event. Returns False once nobody reads standard output any more."""
        match event:
            case Delivered():
                self._forget(event.transfer_id)
                return emit(f"{event.path}  {size_text(event.offer.file.size)}  from {event.offer.sender}")
            case Asked():
                # Whoever is to be asked is asked by the prompt; a rule's answer follows at once.
                pass
            case Stored():
                self._progress(event)
            case Failed() | Ended():
                self._forget(event.transfer_id)
                say(_line(event))
            case Opened():
                self.arrivals.begin(event.offer)
                say(_line(event))
            case _:
                say(_line(event))
        return True

    def _forget(self, transfer_id: str) -> None:
        self.arrivals.end(transfer_id)
        self._told.pop(transfer_id, None)

    def _progress(self, event: Stored) -> None:
        self.arrivals.note(event)
        if not self._drawn:
            self._tell_progress(event)

    def _tell_progress(self, event: Stored) -> None:
        now = self._clock()
        if now - self._told.setdefault(event.transfer_id, now) < INTERVAL:
            return
        self._told[event.transfer_id] = now
        say(self.arrivals.line(event.transfer_id))


def offered(offer: Offer) -> str:
    """A file and its sender, such as `plan.pdf (12.3 MiB, application/pdf) from alice@acme`."""
    file = offer.file
    return f"{file.name} ({size_text(file.size)}, {file.type}) from {offer.sender}"


def _line(event: Ready | Answered | AnswerRefused | Opened | Failed | Ended) -> str:
    match event:
        case Ready():
            return f"{event.address} is ready to receive"
        case Answered():
            word = "put off" if event.deferred else "accepted" if event.accept else "declined"
            return f"{word}: {offered(event.offer)}"
        case AnswerRefused():
            return f"{event.transfer_id}: the answer does not count, {sentence(event.reason)}: {event.detail}"
        case Opened():
            return f"receiving: {offered(event.offer)}"
        case Failed():
            return f"failed: {offered(event.offer)}: {event.detail}"
        case Ended():
            return f"will not come: {offered(event.offer)}: {_why(event)}"


def _why(ended: Ended) -> str:
    if ended.state is Transfer.LISTED:
        return "the sender only wanted to know who would take it"
    return sentence(ended.reason) or f"the transfer is {ended.state}"
