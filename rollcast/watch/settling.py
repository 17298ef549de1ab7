"""When is a file complete? When nothing about it has changed for a while."""

from collections.abc import Mapping

from rollcast.watch.listing import Version


class Settling:
    """Remembers since when each file has been as it is. `seconds`: for how long that must be."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[str, tuple[Version, float]] = {}

    def settled(self, files: Mapping[str, Version], now: float) -> Mapping[str, Version]:
        """Those of `files` that are complete, as they are seen at `now` (seconds of any clock); the oldest first."""
        self._since = {
            name: (version, self._first_seen(name, version, now)) for name, version in files.items()
        }
        complete = {
            name: version for name, (version, since) in self._since.items() if now - since >= self._seconds
        }
        return dict(sorted(complete.items(), key=lambda item: (item[1].mtime_ns, item[0])))

    def _first_seen(self, name: str, version: Version, now: float) -> float:
        before, since = self._since.get(name, (None, now))
        return since if before == version else now
