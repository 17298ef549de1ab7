"""Ledgers as earlier versions made them."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from workers.ledger import Database, tables

CONFIG = Config()
CONFIG.set_main_option("script_location", str(Path(tables.__file__).with_name("migrations")))
HEAD, *OLDER = [script.revision for script in ScriptDirectory.from_config(CONFIG).walk_revisions()]


async def begin_at(revision: str, url: str) -> None:
    """Make the tables of an empty ledger as they were at a revision."""

    def upgrade(connection: Connection) -> None:
        CONFIG.attributes["connection"] = connection
        command.upgrade(CONFIG, revision)

    database = Database(url)
    async with database.begin() as ledger:
        await ledger.run(upgrade)
    await database.close()
