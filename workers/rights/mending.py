"""Writes what differs to the broker: what bounds comes first, what grants comes last."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from workers.broker.rights import Rights
from workers.rights.comparison import Differences

AT_ONCE = 16
"""Requests at a time."""


async def mend(rights: Rights, found: Differences) -> None:
    """Make the broker grant what it has to. Raises `Transient`; what was written until then stays."""
    await each(found.surplus, lambda user: rights.revoke(user, remove=False))
    await rights.write(
        "topic_permissions",
        [
            {"user": user, "exchange": exchange, **topic._asdict()}
            for (user, exchange), topic in found.topics.items()
        ],
    )
    await each(found.limits, rights.limit)
    await rights.write(
        "permissions", [{"user": user, **wanted._asdict()} for user, wanted in found.permissions.items()]
    )
    # Channels remember what they were allowed.
    await each(found.changed, rights.disconnect)


async def each(users: Iterable[str], call: Callable[[str], Awaitable[None]]) -> None:
    """Call for each user, some at a time."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(user: str) -> None:
        async with places:
            await call(user)

    await asyncio.gather(*map(one, sorted(users)))
