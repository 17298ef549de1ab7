"""What a receiver knows about one transfer, so that a killed process goes on where it was.

A file of JSON lines that only grows: the offer first, then the answer, the chunks, the receipt. Lines survive a
killed process; those before `sync` survive a power cut. What follows a torn line is not believed.
"""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

import msgspec

from rollcast.chunks import Range
from rollcast.messages import ReceiptReported
from rollcast.messages.values import Offer


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened. `recorded`: the server has the receipt; `told`: the caller knows how it ended, as it
    does in any case once that is so."""

    offer: Offer | None = None
    accept: bool | None = None
    detail: str | None = None
    opened: bool = False
    had: Range | None = None
    restarted: bool = False
    naming: str | None = None
    receipt: ReceiptReported | None = None
    told: bool = False
    recorded: bool = False
    ended: bool = False


_DECODER = msgspec.json.Decoder(Line)


class Journal:
    """The journal at `path` and what it says. Writing may raise `OSError`."""

    def __init__(self, path: Path, offer: Offer) -> None:
        self.path = path
        self.offer = offer
        self.accept: bool | None = None
        self.detail: str | None = None
        self.opened = False
        self.naming: str | None = None
        self.receipt: ReceiptReported | None = None
        self.told = False
        self.recorded = False
        self.ended = False
        self._file = -1
        self._lock = Lock()

    @property
    def decision(self) -> tuple[bool, str | None] | None:
        """The answer to the offer and what was said with it, None if there was none yet."""
        return None if self.accept is None else (self.accept, self.detail)

    @classmethod
    def create(cls, path: Path, offer: Offer) -> "Journal":
        """Begin a journal."""
        journal = cls(path, offer)
        try:
            journal.note(Line(offer=offer))
        except OSError:
            journal.close()
            raise
        return journal

    @classmethod
    def load(cls, path: Path) -> "Journal | None":
        """The journal that a former process left, freed of torn lines; None if there is nothing in it."""
        lines, size = _read(path)
        if not lines or lines[0].offer is None:
            return None
        os.truncate(path, size)
        journal = cls(path, lines[0].offer)
        for line in lines[1:]:
            journal._apply(line)
        return journal

    def note(self, line: Line) -> None:
        """Write a line; when this returns, a killed process has it."""
        self._append(msgspec.json.encode(line) + b"\n")
        self._apply(line)

    def note_chunk(self, index: int) -> None:
        """Write down that a chunk is stored; from any thread."""
        self._append(b'{"had":[%d,%d]}\n' % (index, index + 1))

    def chunks(self) -> Iterator[Range]:
        """The chunks that were noted since the file was begun, the same ones perhaps repeatedly."""
        lines, _ = _read(self.path)
        starts = [number for number, line in enumerate(lines) if line.restarted]
        for line in lines[starts[-1] if starts else 0 :]:
            if line.had is not None:
                yield line.had

    def sync(self) -> None:
        """Let the lines so far survive a power cut."""
        os.fsync(self._opened())

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _apply(self, line: Line) -> None:
        if line.accept is not None:
            self.accept, self.detail = line.accept, line.detail
        self.opened = self.opened or line.opened
        self.naming = None if line.restarted else line.naming or self.naming
        self.receipt = line.receipt or self.receipt
        self.told = self.told or line.told or line.recorded
        self.recorded = self.recorded or line.recorded
        self.ended = self.ended or line.ended

    def _append(self, text: bytes) -> None:
        with self._lock:
            written = os.write(self._opened(), text)
            if written != len(text):
                # What follows a torn line would not be believed.
                os.ftruncate(self._file, os.fstat(self._file).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def _opened(self) -> int:
        if self._file < 0:
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._file


def _read(path: Path) -> tuple[list[Line], int]:
    """The lines up to the first that is torn, and how many bytes they take."""
    lines, size = [], 0
    for text in path.read_bytes().splitlines(keepends=True):
        try:
            line = _DECODER.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            break
        if not text.endswith(b"\n"):
            break
        lines.append(line)
        size += len(text)
    return lines, size
