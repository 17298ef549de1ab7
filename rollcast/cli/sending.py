"""Sends a file, or goes on with it: what `rollcast send` does."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rollcast import new_transfer_id
from rollcast.cli import access
from rollcast.cli.course import Course
from rollcast.cli.following import follow
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


async def send(order: Order) -> int:
    """Send a file and print the report. Returns the exit status."""
    course = Course(new_transfer_id(), order.sender, order.file.name, size(order.file))

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
            reading=course.read,
        )

    return await follow(course, begin, json=order.json)


async def resume(transfer_id: str, address: str | None, *, json: bool) -> int:
    """Go on with a transfer and print the report. Returns the exit status."""
    record = access.transfers().get(transfer_id, address)
    course = Course(transfer_id, record.sender, record.file.name, record.file.size)
    return await follow(course, lambda sender: sender.resume(transfer_id, reading=course.read), json=json)


def size(file: Path) -> int:
    """Bytes; 0 where the file cannot be looked at, which is told when it is opened."""
    try:
        return file.stat().st_size
    except OSError:
        return 0
