"""What was sent of a folder, written down before the server is asked: one SQLite file for each folder and sender."""

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from rollcast.errors import FileUnusable
from rollcast.watch.listing import Version

GONE_KEPT = 42 * 86_400
"""Seconds for which a file that has gone is remembered: a folder may be away for a while with all its files."""
TABLE = """\
CREATE TABLE IF NOT EXISTS sent (
    transfer_id TEXT PRIMARY KEY, name TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL, blake3 TEXT NOT NULL, state TEXT NOT NULL, gone_at INTEGER
)"""
COLUMNS = "transfer_id, name, size, mtime_ns, ctime_ns, blake3, state, gone_at"


class State(StrEnum):
    """How far a file has come: begun, wholly on the server, told to whoever watches."""

    SENDING = "sending"
    UPLOADED = "uploaded"
    ENDED = "ended"


class Entry(NamedTuple):
    """A file that was sent, as it was then. `gone_at`: when it was missed in the folder, in s since 1970."""

    transfer_id: str
    name: str
    size: int
    mtime_ns: int
    ctime_ns: int
    blake3: str
    state: State
    gone_at: int | None

    @property
    def version(self) -> Version:
        """What it showed of its content."""
        return Version(self.size, self.mtime_ns, self.ctime_ns)


class Journal:
    """The entries of one folder, held by one process at a time. What a method writes survives a power cut."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection
        rows = connection.execute(f"SELECT {COLUMNS} FROM sent ORDER BY rowid")
        entries = [Entry(*row)._replace(state=State(row[6])) for row in rows]
        self._entries: dict[str, Entry] = {entry.transfer_id: entry for entry in entries}
        self._last: dict[str, str] = {entry.name: entry.transfer_id for entry in entries}

    @classmethod
    @contextmanager
    def open(cls, home: Path, folder: Path, sender: str) -> Iterator["Journal"]:
        """The journal of a folder and its sender, below the home.

        Raises `FileUnusable`, with code `folder_in_use` if another process has it.
        """
        place = os.path.realpath(folder)
        path = home / "watch" / f"{sender}-{blake3(os.fsencode(place)).hexdigest()[:16]}.db"
        try:
            connection = _connect(path)
        except OSError as error:
            raise FileUnusable(f"the journal {path} cannot be made: {error.strerror}") from error
        except sqlite3.Error as error:
            raise _unusable(error, path, f"{sender} in {place}") from error
        with closing(connection):
            yield cls(connection)

    def get(self, transfer_id: str) -> Entry:
        """The entry of a transfer. Raises `KeyError`."""
        return self._entries[transfer_id]

    def last(self, name: str) -> Entry | None:
        """The version that was sent last under a name."""
        return self._entries.get(self._last.get(name, ""))

    def unfinished(self) -> list[Entry]:
        """What has not come to its end, in the order in which it was begun."""
        return [entry for entry in self._entries.values() if entry.state is not State.ENDED]

    def compare(self, files: Mapping[str, Version]) -> Mapping[str, Version]:
        """Note which files are in the folder. Returns those that show something else than what was sent last."""
        now = int(time.time())
        last = [self._entries[transfer_id] for transfer_id in self._last.values()]
        gone = [one._replace(gone_at=now) for one in last if one.name not in files and one.gone_at is None]
        missed = [one for one in last if one.gone_at is not None]
        back = [one for one in missed if one.version[:2] == files.get(one.name, (None, None))[:2]]
        self._update(*gone, *(_shown(one, files[one.name]) for one in back))
        for one in missed:
            if one.name not in files and one.state is State.ENDED and (one.gone_at or now) < now - GONE_KEPT:
                self.forget(one)
        return {name: version for name, version in files.items() if not self._is_last(name, version)}

    def has_content(self, name: str, digest: str) -> bool:
        """Whether a file that has been there all the time has the content that was sent last under its name."""
        entry = self.last(name)
        return entry is not None and entry.gone_at is None and entry.blake3 == digest

    def begin(self, transfer_id: str, name: str, version: Version, digest: str) -> Entry:
        """A file is about to be sent."""
        before = self.last(name)
        entry = Entry(transfer_id, name, *version, digest, State.SENDING, None)
        with self._writing() as sql:
            sql.execute("INSERT INTO sent VALUES (?, ?, ?, ?, ?, ?, ?, ?)", entry)
            if before is not None and before.state is State.ENDED:
                sql.execute("DELETE FROM sent WHERE transfer_id = ?", [before.transfer_id])
                del self._entries[before.transfer_id]
        self._entries[transfer_id], self._last[name] = entry, transfer_id
        return entry

    def uploaded(self, entry: Entry) -> None:
        """The server has the whole file."""
        self._update(self._entries[entry.transfer_id]._replace(state=State.UPLOADED))

    def ended(self, entry: Entry) -> None:
        """The file has come to its end, and that was told."""
        if self._last.get(entry.name) == entry.transfer_id:
            self._update(entry._replace(state=State.ENDED))
        else:
            self.forget(entry)

    def unchanged(self, name: str, version: Version) -> None:
        """A file shows something else, and its content is what was sent."""
        self._update(_shown(self._entries[self._last[name]], version))

    def forget(self, entry: Entry) -> None:
        """The file was not sent after all, or another version has taken its place."""
        with self._writing() as sql:
            sql.execute("DELETE FROM sent WHERE transfer_id = ?", [entry.transfer_id])
        self._entries.pop(entry.transfer_id, None)
        if self._last.get(entry.name) == entry.transfer_id:
            del self._last[entry.name]

    def _is_last(self, name: str, version: Version) -> bool:
        entry = self.last(name)
        return entry is not None and entry.gone_at is None and entry.version == version

    def _update(self, *entries: Entry) -> None:
        if not entries:
            return
        rows = [(e.size, e.mtime_ns, e.ctime_ns, e.state, e.gone_at, e.transfer_id) for e in entries]
        with self._writing() as sql:
            sql.executemany(
                "UPDATE sent SET size = ?, mtime_ns = ?, ctime_ns = ?, state = ?, gone_at = ?"
                " WHERE transfer_id = ?",
                rows,
            )
        self._entries.update((entry.transfer_id, entry) for entry in entries)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._sql as sql:
                yield sql
        except sqlite3.Error as error:
            raise FileUnusable(
                f"what is sent cannot be written down: {error}",
                hint="Make room in $ROLLCAST_HOME, and start again.",
            ) from error


def _shown(entry: Entry, version: Version) -> Entry:
    return entry._replace(**version._asdict(), gone_at=None)


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, timeout=0)
    # In this mode the lock that the first transaction takes is kept to the end of the process.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute(TABLE)
    connection.commit()
    return connection


def _unusable(error: sqlite3.Error, path: Path, holder: str) -> FileUnusable:
    if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
        return FileUnusable(
            f"another process watches for {holder} already",
            hint="One is enough; stop the other one first.",
            code="folder_in_use",
        )
    return FileUnusable(f"the journal {path} cannot be used: {error}", hint="See that there is room for it.")
