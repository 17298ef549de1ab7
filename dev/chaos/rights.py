"""Whether the broker grants what the ledgers say, compared as the workers compare it."""

import asyncio
from collections.abc import Iterator

from dev.chaos.scene import Scene
from dev.definitions import OPERATOR
from dev.deployment import Server
from rollcast.findings import some
from rollcast.topology import INNER
from workers.broker import entries
from workers.broker.management import Management
from workers.ledger import Database
from workers.rights import granted, known
from workers.rights.comparison import Differences, compare, unbounded


def wrong_rights(scene: Scene) -> list[str]:
    """All that differs, a sentence each."""
    return asyncio.run(_wrong_rights(scene))


async def _wrong_rights(scene: Scene) -> list[str]:
    broker = scene.broker
    async with Management(broker.management_url, broker.vhost) as api:
        found = await granted.read(api)
        differing = [
            *(f"{entry} is closed" for entry in await entries.closed(api)),
            *(
                f"{user} may publish to {entry} under any key"
                for entry in INNER
                for user in unbounded(found, entry)
            ),
        ]
    for server in scene.running.servers.values():
        differing += _sentences(server.name, compare(await _known(server), found))
    return differing


async def _known(server: Server) -> known.Known:
    database = Database(server.ledger)
    try:
        return await known.read(database, server.domains, [OPERATOR])
    finally:
        await database.close()


def _sentences(server: str, found: Differences) -> Iterator[str]:
    kinds = {
        "topic permissions are not those of the ledger": {user for user, _ in found.topics},
        "permissions are not those of the ledger": found.permissions.keys(),
        "limits are not those of the ledger": found.limits,
        "suspended, with rights": found.surplus,
        "no user of the broker": found.missing,
        "rights without an account": found.unknown,
    }
    for what, users in kinds.items():
        if users:
            yield f"server {server}: {what}: {some(sorted(users))}"
