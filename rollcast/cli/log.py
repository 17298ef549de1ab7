"""What happens in a watched folder: reports on standard output, a line for all else on standard error."""

from rollcast.cli import output
from rollcast.cli.course import Course
from rollcast.cli.report_text import report_lines
from rollcast.events import Held, ListResolved, Uploaded
from rollcast.sizes import size_text
from rollcast.watch.events import (
    Began,
    Ended,
    GivenUp,
    GoesOn,
    Happened,
    LeftAlone,
    Unknown,
    Waits,
    WatchEvent,
)


class Log:
    """Tells what happens to files; with `json` reports and failures are documents, a line each."""

    def __init__(self, *, json: bool) -> None:
        self._json = json

    def tell(self, event: WatchEvent) -> bool:
        """Tell of an event. Returns False once nobody reads standard output any more."""
        if isinstance(event, Ended) and not self._json:
            return output.emit(*report_lines(event.report))
        if line := _line(event):
            output.say(line)
        match event:
            case Ended() if self._json:
                return output.emit_document(event.report.to_json())
            case GivenUp() if self._json:
                error = {"code": event.error.code, "message": str(event.error), "hint": event.error.hint}
                return output.emit_document({"file": {"name": event.name}, "error": error})
        return True


def _line(event: WatchEvent) -> str | None:
    match event:
        case LeftAlone():
            return f"{event.name}: left alone, it {event.why}"
        case Began():
            how = "goes on as" if event.again else f"{size_text(event.size)},"
            return f"{event.name}: {how} transfer {event.transfer_id}"
        case Unknown():
            return f"{event.name}: the server has no transfer {event.transfer_id}; what is still there is sent anew"
        case Happened():
            return _progress(event)
        case Ended():
            return report_lines(event.report)[0]
        case GivenUp():
            return f"{event.name}: not sent: {event.error}"
        case Waits():
            return f"{event.error}; waiting"
        case GoesOn():
            return "it goes on"


def _progress(happened: Happened) -> str | None:
    name, event = happened.name, happened.event
    match event:
        case Held():
            return f"{name}: held: {event.detail}"
        case ListResolved():
            course = Course(event.transfer_id, "", name, 0)
            course.take(event)
            return f"{name}: {course.roll_call()}"
        case Uploaded():
            return f"{name}: the server has it"
        case _:
            return None
