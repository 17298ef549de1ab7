"""Opens what `ROLLCAST_SPOOL` names, and tells its faults in one line."""

import errno
import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, ObjectStore, from_url

from rollcast.errors import Permanent, Transient

GIVES_UP_AFTER = timedelta(seconds=30)
"""From then on a request that failed is not tried again here: whoever asked backs off, and does not stand still."""
HINT = "Check ROLLCAST_SPOOL; for a bucket also AWS_ENDPOINT_URL, AWS_ALLOW_HTTP, AWS_REGION and the keys."
ROUNDS = 100
"""How often a folder is emptied again. Only chunks that were on their way when their transfer ended still come."""
LIST_PAGE = 1000
"""Objects: what a bucket lists, and deletes, at a time."""


def open_storage(url: str) -> ObjectStore:
    """The folder, or the bucket, whose address and keys are those of the variables `AWS_*`."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return LocalStore(parts.path, mkdir=True, automatic_cleanup=False)
    # Options for its client would take the place of all that the environment says, such as AWS_ALLOW_HTTP.
    return from_url(url, retry_config={"retry_timeout": GIVES_UP_AFTER})


def check_folder(folder: Path) -> None:
    """Raise `Permanent` unless this process may read and write there, which no full disk hinders."""
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise Permanent(
            f"the spool {folder} is read-only, or user {os.getuid()} may not write to it",
            code="spool_unavailable",
            hint="Give the folder to the user that runs the workers, or name another one in ROLLCAST_SPOOL.",
        )


def failure(what: str, error: Exception) -> Transient:
    """What went wrong, as the store says it; without the library's view of its own insides, many lines long."""
    said = " ".join(str(error).partition("\n\nDebug source")[0].split())
    return Transient(f"{what}: {said}", code="spool_unavailable", hint=HINT)


def is_refusal(error: BaseException) -> bool:
    """Whether the store was there, and did not let us in or has no such place."""
    return isinstance(error, PermissionDeniedError | UnauthenticatedError | FileNotFoundError)


def remove_folder(folder: Path) -> None:
    """Remove a folder of files, with what is put into it meanwhile. Raises `OSError` if that has no end."""
    # Somebody else may be removing it, too.
    with suppress(FileNotFoundError):
        for _ in range(ROUNDS):
            if _is_removed(folder):
                return
        folder.rmdir()


def sync_file(file: Path) -> None:
    """Bring a file, and its name in its folder, to the disk. Raises `OSError`."""
    for path in (file, file.parent):
        opened = os.open(path, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _is_removed(folder: Path) -> bool:
    # Not as the store lists it: a put that was killed leaves staging files, which that hides.
    for name in os.listdir(folder):
        (folder / name).unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        return False
    return True
