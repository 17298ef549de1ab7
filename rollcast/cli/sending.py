"""Sends a file, for the first time or once more: what `rollcast send` and `rollcast retry` do."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rollcast import new_transfer_id
from rollcast.cli import access
from rollcast.cli.course import Course
from rollcast.cli.exits import UsageError
from rollcast.cli.following import follow
from rollcast.errors import FileUnusable
from rollcast.events import SenderEvent
from rollcast.sender import Sender


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be sent, and how. Durations in seconds."""

    file: Path
    sender: str
    recipients: tuple[str, ...]
    list_policy: str
    consent_timeout: float
    expires: float
    upload: Literal["live", "eager"]
    detach: bool
    dry_run: bool
    sha256: bool
    json: bool


@dataclass(frozen=True, kw_only=True)
class Retry:
    """Which transfer is to be sent once more, and how; `file` and `sender` where the home does not know them."""

    transfer_id: str
    file: Path | None
    sender: str | None
    expires: float
    upload: Literal["live", "eager"]
    detach: bool
    json: bool


async def send(order: Order) -> int:
    """Send a file and print the report. Returns the exit status."""
    course = Course(new_transfer_id(), order.sender, order.file.name, _size(order.file))

    def begin(sender: Sender) -> AsyncGenerator[SenderEvent, None]:
        return sender.send(
            order.file,
            order.recipients,
            list_policy=order.list_policy,
            consent_timeout=order.consent_timeout,
            expires=order.expires,
            upload=order.upload,
            dry_run=order.dry_run,
            detach=order.detach,
            sha256=order.sha256,
            transfer_id=course.transfer_id,
        )

    return await follow(course, begin, json=order.json)


async def resume(transfer_id: str, address: str | None, *, json: bool) -> int:
    """Go on with a transfer and print the report. Returns the exit status."""
    record = access.transfers().get(transfer_id, address)
    course = Course(transfer_id, record.sender, record.file.name, record.file.size)
    return await follow(course, lambda sender: sender.resume(transfer_id), json=json)


async def retry(order: Retry) -> int:
    """Send the file of a transfer once more and print the report. Returns the exit status."""
    file = order.file or _kept_path(order.transfer_id)
    address = access.sender_of(order.transfer_id, order.sender)
    course = Course(new_transfer_id(), address, file.name, _size(file), retry_of=order.transfer_id)

    def begin(sender: Sender) -> AsyncGenerator[SenderEvent, None]:
        return sender.retry(
            order.transfer_id,
            file,
            expires=order.expires,
            upload=order.upload,
            detach=order.detach,
            new_id=course.transfer_id,
        )

    return await follow(course, begin, json=order.json)


def _kept_path(transfer_id: str) -> Path:
    try:
        return Path(access.transfers().get(transfer_id).path)
    except FileUnusable as error:
        raise UsageError(f"{error}, so its file must be named", hint="Give FILE.") from error


def _size(file: Path) -> int:
    """Bytes; 0 where the file cannot be looked at, which is told when it is opened."""
    try:
        return file.stat().st_size
    except OSError:
        return 0
