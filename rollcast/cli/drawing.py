"""`send` on a terminal: the picture of the transfer, drawn again and again on standard error."""

from types import TracebackType

from rich.console import Console
from rich.live import Live

from rollcast.cli.course import Course
from rollcast.cli.picture import Picture
from rollcast.events import SenderEvent

REFRESHES = 5
"""Redraws a second."""


class Drawing:
    """Draws a transfer as it goes on, in as many rows as the terminal has. A context manager."""

    def __init__(self, course: Course, console: Console | None = None) -> None:
        self._course = course
        self._live = Live(
            Picture(course),
            console=console or Console(stderr=True, highlight=False),
            refresh_per_second=REFRESHES,
            redirect_stdout=False,
        )

    def __enter__(self) -> "Drawing":
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Receivers' bars would stay on the screen, and be told again by the report.
        self._live.update(Picture(self._course, final=True), refresh=True)
        self._live.stop()

    def show(self, event: SenderEvent) -> None:
        """An event that the course has taken; it is seen with the next redraw."""
