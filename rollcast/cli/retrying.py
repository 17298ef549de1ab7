"""Sends a file once more to those who were cut off: what `rollcast retry` does."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rollcast import new_transfer_id
from rollcast.cli import access
from rollcast.cli.course import Course
from rollcast.cli.exits import UsageError
from rollcast.cli.following import follow
from rollcast.cli.sending import size
from rollcast.errors import FileUnusable, RequestRefused
from rollcast.events import SenderEvent
from rollcast.reasons import Code
from rollcast.sender import Sender
from rollcast.sending import again
from rollcast.states import Transfer


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


async def retry(order: Retry) -> int:
    """Send the file of a transfer once more and print the report. Returns the exit status."""
    address = access.sender_of(order.transfer_id, order.sender)
    file = order.file or await _kept_path(order.transfer_id, address)
    course = Course(new_transfer_id(), address, file.name, size(file), retry_of=order.transfer_id)

    def begin(sender: Sender) -> AsyncGenerator[SenderEvent, None]:
        return sender.retry(
            order.transfer_id,
            file,
            expires=order.expires,
            upload=order.upload,
            detach=order.detach,
            new_id=course.transfer_id,
            reading=course.read,
        )

    return await follow(course, begin, json=order.json)


async def _kept_path(transfer_id: str, address: str) -> Path:
    try:
        return Path(access.transfers().get(transfer_id).path)
    except FileUnusable as error:
        # Nothing is kept of what is over for everybody, and then no file would help.
        async with access.sending(address) as sender:
            await _check_somebody_lacks_it(sender, transfer_id)
        raise UsageError(f"{error}, so its file must be named", hint="Give FILE.") from error


async def _check_somebody_lacks_it(sender: Sender, transfer_id: str) -> None:
    again.cut_off(await sender.status(transfer_id))
    for other in await sender.list():
        if other.retry_of == transfer_id and other.state is Transfer.COMPLETED:
            raise RequestRefused(
                f"whoever was cut off from transfer {transfer_id} has the file by its retry {other.transfer_id}",
                code=Code.NOT_RETRYABLE,
            )
