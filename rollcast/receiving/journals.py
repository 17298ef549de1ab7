"""The folder that a receiver receives into, and its journals in `.rollcast` below."""

import fcntl
import logging
import os
from pathlib import Path
from types import TracebackType

from rollcast.errors import FileUnusable
from rollcast.messages.values import Offer
from rollcast.receiving.journal import Journal
from rollcast.receiving.partfile import PartFile

logger = logging.getLogger(__name__)

KEPT_AFTER_EXPIRY_US = 3600 * 1_000_000
"""Some prompts are still under way when a transfer expires."""
UNTOLD_KEPT_US = 30 * 86_400 * 1_000_000
"""A file may be there that the server does not know of; so long it asks for it."""
IN_USE = "folder_in_use"


class Journals:
    """What was offered to `address` and received into `folder`. A context manager that holds the folder."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self._address = address
        self._below = folder / ".rollcast"
        self._lock = -1
        self._known: dict[str, Journal] = {}

    def __enter__(self) -> "Journals":
        try:
            self._below.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._hold()
            self._load()
        except OSError as error:
            self._release()
            raise FileUnusable(f"cannot receive into {self.folder}: {error.strerror}") from error
        except FileUnusable:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for journal in self._known.values():
            journal.close()
        self._release()

    def get(self, transfer_id: str) -> Journal | None:
        """The journal of a transfer, None if nothing is known of it."""
        return self._known.get(transfer_id)

    def begin(self, offer: Offer) -> Journal:
        """The journal of an offer, made if there is none. Raises `OSError`."""
        journal = self._known.get(offer.transfer_id)
        if journal is None:
            path = self._below / f"{offer.transfer_id}.json"
            journal = self._known[offer.transfer_id] = Journal.create(path, offer)
        return journal

    def part(self, transfer_id: str) -> PartFile:
        """Where the bytes of a transfer go before they have a name."""
        return PartFile(self._below / f"{transfer_id}.part")

    def free_space(self) -> int:
        """Bytes that this user can still store in the folder."""
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize

    def prune(self, now: int) -> None:
        """Forget what expired well before `now` (microseconds since 1970)."""
        for transfer_id, journal in list(self._known.items()):
            if journal.offer.expires_at + _kept(journal) < now:
                journal.close()
                try:
                    self._remove(journal.path)
                except OSError as error:
                    logger.warning("transfer %s cannot be forgotten: %s", transfer_id, error)
                else:
                    del self._known[transfer_id]

    def _load(self) -> None:
        for path in self._below.glob("*.json"):
            if journal := Journal.load(path):
                self._known[journal.offer.transfer_id] = journal
            else:
                self._remove(path)

    def _remove(self, journal: Path) -> None:
        # Without its journal nobody would come back for the part.
        journal.with_suffix(".part").unlink(missing_ok=True)
        journal.unlink(missing_ok=True)

    def _hold(self) -> None:
        """Two processes in one folder would write the same part file and the same journals."""
        self._lock = os.open(self._below / "address", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._lock, 255, 0).decode(errors="replace")
            raise FileUnusable(
                f"{holder} receives into {self.folder} at present",
                hint="Stop the other one."
                if holder == self._address
                else "Give each address a folder of its own.",
                code=IN_USE,
            ) from error
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, self._address.encode(), 0)

    def _release(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _kept(journal: Journal) -> int:
    is_untold = (journal.naming or journal.receipt) and not journal.recorded
    return UNTOLD_KEPT_US if is_untold else KEPT_AFTER_EXPIRY_US
