"""The mark of a spool: an object in it that says to which server and ledger it belongs."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Self

import msgspec

from rollcast.errors import Permanent
from workers.spool.store import Store

NAME = "rollcast-identity"
"""The object, beside the folders of the transfers."""
RENEWED_AFTER = timedelta(days=1)
"""A rule of the bucket, or whoever tidies a folder up, may remove what has been there for two weeks."""


class Mark(msgspec.Struct, frozen=True):
    """What stands in it, as JSON. Ids are 32 hex."""

    server: str
    ledger: str
    spool: str

    @classmethod
    def new(cls, server: str, ledger: str) -> Self:
        """The mark of a spool that has none yet."""
        return cls(server, ledger, secrets.token_hex(16))


async def read(store: Store) -> Mark | None:
    """The mark of a spool; None if it has none. Raises `Transient`, and `Permanent` if it cannot be understood."""
    found = await store.read_beside(NAME)
    return None if found is None else _decoded(found.body)


async def write(store: Store, mark: Mark) -> None:
    """Mark a spool, in the place of what stands there."""
    await store.write_beside(NAME, msgspec.json.encode(mark) + b"\n")


async def renew(store: Store) -> Mark | None:
    """The mark, which is written again if it is a day old."""
    found = await store.read_beside(NAME)
    if found is None:
        return None
    mark = _decoded(found.body)
    if datetime.now(UTC) - found.written_at > RENEWED_AFTER:
        await write(store, mark)
    return mark


def _decoded(body: bytes) -> Mark:
    try:
        return msgspec.json.decode(body, type=Mark)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Permanent(
            f"the mark of the spool, {NAME}, cannot be read: {error}",
            hint="If the spool is the right one, delete that object, and run `python -m workers adopt`.",
        ) from error
