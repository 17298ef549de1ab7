"""`python -m dev.monitoring [FILE]` lets files go out and things break, and draws the overview dashboard of that."""

import sys
import tempfile
import time
from pathlib import Path

from dev.monitoring import queries
from dev.monitoring.observed import Observed, observed
from dev.monitoring.picture import Span, draw
from dev.packages import CHECKOUT, Missing
from dev.processes import Failed, unwind_when_told_to_end
from rollcast.topology import MiB

PICTURE = CHECKOUT / "docs" / "overview.svg"
BEFORE = tuple(size * MiB for size in (3, 1, 24, 2, 64, 8, 1, 32, 4, 16))
AFTER = tuple(size * MiB for size in (48, 2, 12, 1, 32, 64, 3, 24))
"""Bytes of the files that are sent before and after somebody stands still."""


def main(arguments: list[str]) -> int:
    """The exit status: 0 when it is drawn, 1 if something went wrong, 2 for wrong usage or what is missing."""
    unwind_when_told_to_end()
    if len(arguments) > 1:
        print("usage: python -m dev.monitoring [FILE]", file=sys.stderr)
        return 2
    try:
        with tempfile.TemporaryDirectory() as folder, observed(Path(folder)) as seen:
            span = _play(seen)
            picture = draw("overview", queries.dashboards()["overview"], seen.prometheus, span)
    except (Missing, Failed) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, Missing) else 1
    (Path(arguments[0]) if arguments else PICTURE).write_text(picture)
    return 0


def _play(seen: Observed) -> Span:
    seen.play.prepare()
    start = time.time()
    seen.play.deliver(BEFORE)
    seen.play.retry()
    seen.play.park()
    seen.play.stand_still(late=True)
    seen.play.deliver(AFTER)
    return Span(start, time.time())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
