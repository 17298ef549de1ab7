"""The migrations make the tables that the code expects."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from workers.ledger.migrate import migrate
from workers.ledger.tables import metadata


async def test_migrations_lead_to_the_tables(tmp_path: Path) -> None:
    """A migrated ledger differs in nothing from the tables in the code."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    await migrate(url)
    with create_engine(url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


async def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    """Workers migrate at each start."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    await migrate(url)
    await migrate(url)
