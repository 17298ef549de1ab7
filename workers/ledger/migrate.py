"""Brings the ledger's tables to the version of this code, under a lock: many workers start at once."""

from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from rollcast.errors import Permanent
from workers.ledger.database import Database

LOCK = 7_055_278_219
"""Key of the advisory lock on PostgreSQL; an arbitrary number."""

log = structlog.get_logger()


async def migrate(url: str) -> None:
    """Upgrade the ledger at `url`. `Transient` if it is not there, `Permanent` if it is newer than this code."""
    database = Database(url, hurried=False)
    try:
        async with database.begin() as ledger:
            if database.url.get_backend_name() == "postgresql":
                await ledger.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            await ledger.run(_upgrade)
    finally:
        await database.close()


async def revisions(database: Database) -> tuple[str | None, str | None]:
    """The revision of the ledger, and that of this code."""
    found: list[str | None] = []
    async with database.begin() as ledger:
        await ledger.run(lambda connection: found.append(_revision(connection)))
    return found[0], ScriptDirectory.from_config(_config()).get_current_head()


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    before = _revision(connection)
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise Permanent(
            f"the ledger cannot be migrated from its revision {before}: {error}",
            hint="If a newer version of the workers has migrated it, run that one.",
        ) from error
    log.info("the ledger is there", revision=_revision(connection), before=before)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    return config
