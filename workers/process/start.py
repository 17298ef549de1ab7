"""How a process of workers begins and ends: it waits for what it needs, runs its pools, and drains them."""

import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from urllib.parse import unquote, urlsplit

import structlog

from rollcast.broker import Link
from rollcast.errors import Transient
from rollcast.redaction import cleaned
from workers.broker.declarer import Declarer
from workers.broker.management import Management
from workers.broker.versions import objection
from workers.identity.adoption import Adoption
from workers.identity.conflicts import OthersServe
from workers.ledger import Database
from workers.ledger.migrate import migrate
from workers.pools import Pools
from workers.process.health import Health
from workers.process.patience import patiently
from workers.process.stopping import Stop
from workers.settings import ALL, Settings
from workers.spool.store import Store

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


async def adopt_only(settings: Settings) -> int:
    """Make ledger, spool and domains of the settings those of the server, and do nothing else; the exit status."""
    stop = Stop()
    stop.listen()
    if await stop.cuts_short(_adopt(settings)):
        log.error("nothing is known to be adopted: told to stop before that; adopt again")
        return 1
    return 0


async def _adopt(settings: Settings) -> None:
    link = Link(settings.amqp_url, f"rollcast {settings.server} adopt")
    database, store, declarer = Database(settings.ledger_url), Store(settings.spool_url), Declarer(link)
    try:
        await patiently("the ledger", lambda: migrate(settings.ledger_url))
        await patiently("the spool", store.check)
        await patiently("the broker", declarer.connect)
        await Adoption(settings, database, store, declarer).run()
    finally:
        await database.close()
        await link.close()


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
    await patiently("the broker", workers.reach_broker)
    await _identify(workers)
    await patiently("the broker", workers.declare)
    # It is not waited for: without it pools consume, and whoever needs it tries again.
    await _warn_about_broker(management, settings)


async def _identify(workers: Pools) -> None:
    """Before anything is declared or consumed for another ledger."""
    workers.standing.phase = "comparing ledger, spool and domains with those of the server"
    try:
        await patiently("the agreement with the server's other workers", workers.identify)
    except Transient as error:
        if isinstance(error.__cause__, OthersServe):
            raise error.__cause__.conflict from error
        raise


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
