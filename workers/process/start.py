"""How a process of workers begins and ends: it waits for what it needs, runs its pools, and drains them."""

import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from urllib.parse import unquote, urlsplit

import structlog

from rollcast.errors import Transient
from workers.broker.management import Management
from workers.broker.versions import objection
from workers.ledger.migrate import migrate
from workers.pools import Pools
from workers.process.health import Health
from workers.process.patience import patiently
from workers.process.redaction import cleaned
from workers.process.stopping import Stop
from workers.settings import ALL, Settings

log = structlog.get_logger()


async def serve(settings: Settings, pools: Sequence[str]) -> int:
    """Run pools until a signal comes; the exit status. Raises `RollcastError` if that cannot be."""
    since = time.monotonic()
    stop = Stop()
    stop.listen()
    _introduce(settings, pools)
    vhost = unquote(urlsplit(settings.amqp_url).path.lstrip("/")) or "/"
    async with Management(settings.management_url, vhost) as management:
        workers = Pools(settings, management, pools, stop)
        try:
            async with Health(settings.metrics_port, workers.standing):
                if not await stop.cuts_short(_wait_for_all(settings, workers, management)):
                    await workers.run()
        finally:
            await workers.close()
    log.info("stopped", after_s=round(time.monotonic() - since, 1))
    return 0


async def migrate_only(settings: Settings) -> int:
    """Migrate the ledger and do nothing else; the exit status."""
    stop = Stop()
    stop.listen()
    if await stop.cuts_short(patiently("the ledger", lambda: migrate(settings.ledger_url))):
        log.error("the ledger is not migrated: told to stop before that")
        return 1
    return 0


def _introduce(settings: Settings, pools: Sequence[str]) -> None:
    log.info(
        "starting",
        version=version("rollcast"),
        python=platform.python_version(),
        pools=list(pools),
        **{one.key: cleaned(value) for one, value in zip(ALL, vars(settings).values(), strict=True)},
    )


async def _wait_for_all(settings: Settings, workers: Pools, management: Management) -> None:
    workers.standing.phase = "waiting for the ledger"
    await patiently("the ledger", lambda: migrate(settings.ledger_url))
    workers.standing.phase = "waiting for the spool"
    await patiently("the spool", workers.open_spool)
    workers.standing.phase = "waiting for the broker"
    await patiently("the broker", workers.declare)
    # It is not waited for: without it pools consume, and whoever needs it tries again.
    await _warn_about_broker(management, settings)


async def _warn_about_broker(management: Management, settings: Settings) -> None:
    if settings.management_url is None:
        return
    try:
        if (against := objection(await management.version())) is not None:
            log.warning("this broker should not be used", why=against[0], remedy=against[1])
        if not await management.lazy_lanes():
            log.warning(
                "the broker lacks the policy queue-mode=lazy on ^rollcast\\.(lane|spool)\\.: "
                "one stuck receiver can fill its memory and block every publisher"
            )
    except Transient as error:
        log.warning("cannot see the broker's version and policies", error=str(error))
