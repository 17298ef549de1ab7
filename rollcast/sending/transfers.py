"""What a sender keeps of its transfers: one file for each below `$ROLLCAST_HOME/transfers`."""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from rollcast import private
from rollcast.addresses import is_transfer_id
from rollcast.errors import FileUnusable
from rollcast.messages import TransferRequested
from rollcast.messages.values import MAX_DURATION, Address, FileSelector
from rollcast.report import Report
from rollcast.sending.source import Source
from rollcast.settings import ClientSettings
from rollcast.states import FINAL_TRANSFER, WITHOUT_IT

logger = logging.getLogger(__name__)

KEPT_FOR = MAX_DURATION / 1000 + 30 * 86_400
"""Seconds since a transfer began: the longest one has ended 30 days ago."""
NO_RECORD = "no_record"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer as it was asked for: the request in its parts, and the file (changed at `mtime_ns`) to upload."""

    sender: Address
    path: str
    mtime_ns: int
    detach: bool
    request: Annotated[list[TransferRequested], Meta(min_length=1)]

    @classmethod
    def of(
        cls, sender: str, source: Source, request: Sequence[TransferRequested], *, detach: bool
    ) -> "Record":
        """What to keep of a request that is about to go out."""
        path = str(source.path.absolute())
        return cls(sender=sender, path=path, mtime_ns=source.mtime_ns, detach=detach, request=list(request))

    @property
    def transfer_id(self) -> str:
        """The transfer's id."""
        return self.request[0].transfer_id

    @property
    def file(self) -> FileSelector:
        """The file as the receivers were offered it."""
        return self.request[0].file


class Transfers:
    """The records below `folder`. Without one of these a `Sender` cannot resume."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of(cls, settings: ClientSettings) -> "Transfers":
        """Those of the home."""
        return cls(settings.home / "transfers")

    def keep(self, record: Record) -> None:
        """Write a record down, unless the transfer has one, and remove those that are too old to be of use.

        A home that cannot be written to is no reason not to send: that is logged as a warning.
        """
        path = self._path(record.transfer_id)
        try:
            self._prune()
            if not path.exists():
                private.write(path, msgspec.json.format(msgspec.json.encode(record)) + b"\n")
        except (OSError, UnicodeEncodeError) as error:
            logger.warning("this transfer could not be resumed, as its record cannot be kept: %s", error)

    def get(self, transfer_id: str, sender: str | None = None) -> Record:
        """The record of a transfer, of that sender if one is named. Raises `FileUnusable` with code `no_record`."""
        path = self._path(transfer_id)
        try:
            record = msgspec.json.decode(path.read_bytes(), type=Record)
        except FileNotFoundError as error:
            hint = f"{_look_first(transfer_id)} If it goes on, resume it with the ROLLCAST_HOME it was sent with."
            raise _missing(f"nothing is kept here of transfer {transfer_id}", hint) from error
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            hint = _look_first(transfer_id)
            raise _missing(f"what is kept in {path} cannot be read: {error}", hint) from error
        if sender not in {None, record.sender}:
            hint = f"Use the credentials of {record.sender}."
            raise _missing(f"transfer {transfer_id} was sent by {record.sender}, not by {sender}", hint)
        return record

    def drop(self, transfer_id: str) -> None:
        """Remove the record of a transfer of which it is not needed any more."""
        try:
            self._path(transfer_id).unlink(missing_ok=True)
        except OSError as error:
            logger.warning("the record of a transfer cannot be removed: %s", error)

    def drop_needless(self, report: Report) -> None:
        """Remove the records of what is over for everybody; for others `retry` says what can still be done."""
        transfer = report.transfer
        without = any(receiver.state in WITHOUT_IT for receiver in report.receivers)
        if transfer.state in FINAL_TRANSFER and not without:
            self.drop(transfer.transfer_id)
        if transfer.retry_of is not None and report.complete:
            self.drop(transfer.retry_of)

    def _prune(self) -> None:
        if self._folder.is_dir():
            for path in self._folder.glob("*.json"):
                # Another process may have removed it by now.
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < time.time() - KEPT_FOR:
                        path.unlink()

    def _path(self, transfer_id: str) -> Path:
        if not is_transfer_id(transfer_id):
            raise _missing(f"{transfer_id[:80]!r} is not a transfer id", "It is 32 hexadecimal digits.")
        return self._folder / f"{transfer_id}.json"


def _look_first(transfer_id: str) -> str:
    """Who sends the file of a transfer again that has ended well sends it twice."""
    return f"Look with `rollcast status {transfer_id} --as ADDR` first: it may have ended, and all may have the file."


def _missing(message: str, hint: str) -> FileUnusable:
    return FileUnusable(message, hint=hint, code=NO_RECORD)
