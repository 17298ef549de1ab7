"""Files on their way to a receiver, and how far each of them is."""

import time

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from rollcast.cli.pace import Pace
from rollcast.cli.report_text import so_far
from rollcast.cli.texts import visible
from rollcast.events import Stored
from rollcast.messages.values import Offer


class Arrivals:
    """Those that were opened and have not come to their end. Can be drawn, a line each."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._stored: dict[str, tuple[Pace, int]] = {}

    def begin(self, offer: Offer) -> None:
        """A file is about to come."""
        self._names[offer.transfer_id] = offer.file.name

    def note(self, event: Stored) -> None:
        """More of it is here."""
        pace, _ = self._stored.setdefault(event.transfer_id, (Pace(), event.size))
        pace.note(event.bytes, time.time_ns() // 1000)

    def end(self, transfer_id: str) -> None:
        """It is here, or will not come."""
        self._names.pop(transfer_id, None)
        self._stored.pop(transfer_id, None)

    def line(self, transfer_id: str) -> str:
        """Such as `plan.pdf: 12.3 MiB, 45%, 4.0 MiB/s, 4 s left`."""
        pace, size = self._stored[transfer_id]
        return f"{self._names.get(transfer_id, transfer_id)}: {so_far(pace.status('', size), size)}"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for transfer_id in list(self._stored)[: console.height - 1]:
            yield Text(visible(self.line(transfer_id)), no_wrap=True, overflow="ellipsis")
