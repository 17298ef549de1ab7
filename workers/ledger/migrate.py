"""Brings the ledger's tables to the version of this code, under a lock: many workers start at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from workers.ledger.database import Database
from workers.patience import patiently

LOCK = 7_055_278_219
"""Key of the advisory lock on PostgreSQL; an arbitrary number."""


@patiently
async def migrate(url: str) -> None:
    """Upgrade the ledger at `url`; waits up to a minute for a database that is not there yet."""
    database = Database(url)
    try:
        async with database.begin() as ledger:
            if database.url.get_backend_name() == "postgresql":
                await ledger.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            await ledger.run(_upgrade)
    finally:
        await database.close()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
