"""A request for a transfer, as it goes to S210."""

import mimetypes
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from rollcast.codec import decode, encode
from rollcast.errors import FileUnusable
from rollcast.messages import TransferRequested
from rollcast.messages.values import MAX_RECEIVERS, FileSelector, Upload
from rollcast.sending.source import Source

UNKNOWN_TYPE = "application/octet-stream"


def new_transfer_id() -> str:
    """A transfer id that nobody has used."""
    return secrets.token_hex(16)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a sender asks for. `consent_timeout` and `expires` in seconds, `chunk_size` in bytes."""

    transfer_id: str
    recipients: Sequence[str]
    list_policy: str
    consent_timeout: float
    expires: float
    upload: Upload
    dry_run: bool
    chunk_size: int
    retry_of: str | None = None


def parts(wish: Wish, session: str, file: FileSelector) -> list[TransferRequested]:
    """The messages that make up a request.

    Raises `InvalidMessage` if a server could not read them: it would park them and answer nothing.
    """
    names = list(wish.recipients)
    pieces = [names[at : at + MAX_RECEIVERS] for at in range(0, len(names), MAX_RECEIVERS)] or [[]]
    whole = TransferRequested(
        transfer_id=wish.transfer_id,
        session=session,
        file=file,
        recipients=[],
        parts=len(pieces),
        chunk_size=wish.chunk_size,
        list_policy=wish.list_policy,
        consent_timeout=round(wish.consent_timeout * 1000),
        expires=round(wish.expires * 1000),
        upload=wish.upload,
        dry_run=wish.dry_run,
        retry_of=wish.retry_of,
    )
    messages = [
        msgspec.structs.replace(whole, recipients=piece, part=part) for part, piece in enumerate(pieces)
    ]
    for message in messages:
        decode(encode(message))
    return messages


def selector(source: Source, type: str | None) -> FileSelector:
    """What is offered of a file. Raises `FileUnusable` if its name is no text."""
    return FileSelector(
        name=_name(source.path),
        size=source.size,
        type=type or mimetypes.guess_type(source.path.name)[0] or UNKNOWN_TYPE,
        hash=source.hash,
    )


def _name(path: Path) -> str:
    try:
        path.name.encode()
    except UnicodeEncodeError as error:
        raise FileUnusable(f"the name of {path!r} is not UTF-8; rename it to send it") from error
    return path.name
