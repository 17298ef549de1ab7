"""The migrations make the tables that the code expects."""

import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, Table, create_engine, text

from rollcast.errors import Permanent
from workers.ledger import Database, tables
from workers.ledger.migrate import migrate


async def test_migrations_lead_to_the_tables(tmp_path: Path) -> None:
    """A migrated ledger differs in nothing from the tables in the code."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    await migrate(url)
    with create_engine(url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []


def test_retries_find_the_transfer_that_they_go_back_to(tmp_path: Path) -> None:
    """Also a retry of a retry of a retry, in a ledger of before that was noted."""
    config = Config()
    config.set_main_option("script_location", str(Path(tables.__file__).with_name("migrations")))
    with create_engine(f"sqlite:///{tmp_path}/ledger.db").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        table = Table("sent_transfers", MetaData(), autoload_with=connection)
        usual = {column.name: column.type.python_type() for column in table.c if not column.nullable}
        for name, former in (("d", "c"), ("a", None), ("c", "b"), ("b", "a"), ("e", "gone")):
            connection.execute(table.insert().values(usual | {"transfer_id": name, "retry_of": former}))
        command.upgrade(config, "0005")
        found = connection.execute(text("SELECT transfer_id, first_id FROM sent_transfers ORDER BY 1"))
        assert {row.transfer_id: row.first_id for row in found} == {
            "a": None,
            "b": "a",
            "c": "a",
            "d": "a",
            "e": "gone",
        }


async def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    """Workers migrate at each start."""
    path = tmp_path / "ledger.db"
    await migrate(f"sqlite:///{path}")
    with sqlite3.connect(path) as sql:
        sql.execute("INSERT INTO sent_parts VALUES ('e', 0, x'00')")
        before = list(sql.iterdump())
    await migrate(f"sqlite:///{path}")
    with sqlite3.connect(path) as sql:
        assert list(sql.iterdump()) == before


async def test_a_ledger_of_a_newer_version(tmp_path: Path) -> None:
    """An older worker leaves it as it is, and says that it is too old."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    await migrate(url)
    database = Database(url)
    async with database.begin() as ledger:
        await ledger.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await database.close()
    with pytest.raises(Permanent, match="cannot be migrated from its revision 9999") as raised:
        await migrate(url)
    assert "newer" in raised.value.hint
