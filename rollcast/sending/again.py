"""Sending once more: what a resumed transfer and a retry need, and whether it is still there."""

from pathlib import Path

from rollcast.chunks import Layout
from rollcast.errors import FileUnusable, RequestRefused
from rollcast.hashing import Told
from rollcast.messages.values import Upload
from rollcast.reasons import Code
from rollcast.report import Report
from rollcast.sending.request import Wish
from rollcast.sending.source import Source
from rollcast.sending.transfers import Record
from rollcast.states import FINAL_TRANSFER, Transfer
from rollcast.topology import MiB

KNOWN_WITHIN = 60.0
"""Seconds for the servers of those who accepted to say so again."""


class Lost:
    """Stands for a file that is not what it was, for as long as the server does not ask for any of it."""

    def __init__(self, size: int, error: FileUnusable) -> None:
        self.size = size
        self._error = error

    def chunk(self, index: int, layout: Layout) -> tuple[bytes, str]:
        """Raises `FileUnusable`."""
        raise self._error

    def close(self) -> None:
        """Nothing is open."""


async def reopen(record: Record, *, take_back: bool, reading: Told | None = None) -> Source | Lost:
    """The file of a transfer that is to go on.

    If it is not what it was: raises `FileUnusable`, or with `take_back` leaves that to whoever needs it.
    """
    try:
        return await Source.open_again(Path(record.path), record.file, record.mtime_ns, reading)
    except FileUnusable as error:
        if take_back:
            return Lost(record.file.size, error)
        error.hint = f"Put it back as it was, or `rollcast cancel {record.transfer_id}` and send it again."
        raise


async def open_for_retry(path: Path, earlier: Report, reading: Told | None = None) -> Source:
    """The file of a transfer that has ended. Raises `FileUnusable` if `path` is another one."""
    try:
        return await Source.open_again(path, earlier.transfer.file, None, reading)
    except FileUnusable as error:
        error.hint = "Name the file as it was sent, or send this one as a new transfer."
        raise


def retry(earlier: Report, transfer_id: str, *, expires: float, upload: Upload) -> Wish:
    """What is asked for when a transfer is retried, as `transfer_id`, `expires` in seconds.

    Nobody will be asked, but their servers have to say that they know of the consent. Raises `RequestRefused` if
    nobody was cut off.
    """
    return Wish(
        transfer_id=transfer_id,
        recipients=cut_off(earlier),
        list_policy="subset",
        consent_timeout=min(KNOWN_WITHIN, expires),
        expires=expires,
        upload=upload,
        dry_run=False,
        chunk_size=MiB,
        retry_of=earlier.transfer.transfer_id,
    )


def cut_off(earlier: Report) -> tuple[str, ...]:
    """Those whom a retry is for. Raises `RequestRefused` if there is nobody."""
    transfer = earlier.transfer
    if transfer.state not in FINAL_TRANSFER:
        raise _refusal(f"transfer {transfer.transfer_id} still goes on", "Wait for its end, or cancel it.")
    if transfer.state is Transfer.COMPLETED:
        raise _refusal(f"everybody has the file of transfer {transfer.transfer_id}", "Nothing is left to do.")
    if not earlier.cut_off:
        hint = "Send the file as a new transfer, which asks the receivers again."
        raise _refusal(f"nobody who accepted transfer {transfer.transfer_id} was cut off", hint)
    return earlier.cut_off


def _refusal(what: str, hint: str) -> RequestRefused:
    return RequestRefused(what, hint=hint, code=Code.NOT_RETRYABLE)
