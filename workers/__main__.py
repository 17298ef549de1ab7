"""`python -m workers [POOL …]` runs pools, all of them if none is named; `python -m workers migrate` the ledger."""

import asyncio
import sys
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

import structlog

from rollcast.errors import RollcastError, Transient
from rollcast.memory import keep_freed_memory
from rollcast.topology import POOLS
from workers.health import Health
from workers.ledger.migrate import migrate
from workers.logs import configure_logs
from workers.management import Management
from workers.patience import patiently
from workers.pools import Pools
from workers.settings import Settings
from workers.stopping import Stop

log = structlog.get_logger()


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments name. Exit status: 0 after a clean stop, 2 for wrong usage, 1 for anything else."""
    configure_logs()
    keep_freed_memory()
    unknown = [name for name in arguments if name not in (*POOLS, "migrate")]
    if unknown:
        print(
            f"no such pool: {', '.join(unknown)}; there are {', '.join(POOLS)}, and migrate", file=sys.stderr
        )
        return 2
    try:
        settings = Settings.read()
        asyncio.run(migrate(settings.ledger_url))
        if "migrate" not in arguments:
            asyncio.run(_run(settings, arguments or POOLS))
    except RollcastError as error:
        print(f"{error}. {error.hint}".rstrip(), file=sys.stderr)
        return 1
    return 0


async def _run(settings: Settings, pools: Sequence[str]) -> None:
    stop = Stop()
    stop.listen()
    vhost = unquote(urlsplit(settings.amqp_url).path.lstrip("/")) or "/"
    async with (
        Management(settings.management_url, vhost) as management,
        Health(settings.metrics_port) as health,
    ):
        workers = Pools(settings, management)
        try:
            if await stop.cuts_short(_wait_for_broker(workers)):
                return
            await _warn_about_lanes(management, settings)
            await workers.run(pools, health.ready, stop)
        finally:
            await workers.close()


@patiently
async def _wait_for_broker(workers: Pools) -> None:
    await workers.declare()


async def _warn_about_lanes(management: Management, settings: Settings) -> None:
    if settings.management_url is None:
        return
    try:
        if not await management.lazy_lanes():
            log.warning(
                "the broker lacks the policy queue-mode=lazy on ^rollcast\\.(lane|spool)\\.: "
                "one stuck receiver can fill its memory and block every publisher"
            )
    except Transient as error:
        log.warning("cannot see the broker's policies", error=str(error))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
