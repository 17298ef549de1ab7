"""A database from before an upgrade is put back by the lines of the document, and what the upgrade made is gone."""

import os
import secrets
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from dev.packages import CHECKOUT
from dev.postgres import Cluster
from tests.revisions import HEAD, OLDER, begin_at
from workers.ledger import Database
from workers.ledger.migrate import migrate, revisions

BACKUP, RESTORE = "**PostgreSQL**:", "**Restore.**"


@pytest.mark.parametrize("revision", OLDER)
async def test_a_backup_from_before_an_upgrade(
    postgres_cluster: Cluster, tmp_path: Path, revision: str
) -> None:
    """As a role that owns the database and may do nothing else; and once more from what has become of that."""
    url = _owned(postgres_cluster, f"restored_{revision}")
    await begin_at(revision, url)
    await _note(url, "before")
    _as_told(BACKUP, postgres_cluster, url, tmp_path)
    await migrate(url)
    await _note(url, "after")
    _as_told(RESTORE, postgres_cluster, url, tmp_path)
    assert await _found(url) == (revision, ["before"])
    await migrate(url)
    assert await _found(url) == (HEAD, ["before"])
    _as_told(BACKUP, postgres_cluster, url, tmp_path)
    await _note(url, "after")
    _as_told(RESTORE, postgres_cluster, url, tmp_path)
    await migrate(url)
    assert await _found(url) == (HEAD, ["before"])


def _owned(cluster: Cluster, name: str) -> str:
    """The URL of an empty database, as its owner."""
    url, password = cluster.database(name), secrets.token_urlsafe(16)
    for made in (
        f"CREATE ROLE {name} LOGIN PASSWORD '{password}'",
        f"ALTER DATABASE {name} OWNER TO {name}",
    ):
        subprocess.run([cluster.binaries / "psql", "-qc", made, url], env=cluster.env, check=True)
    return f"postgresql://{name}:{password}@127.0.0.1:{urlsplit(url).port}/{name}"


def _as_told(heading: str, cluster: Cluster, url: str, folder: Path) -> None:
    """Run the lines that stand below a heading of the document."""
    text_of = (CHECKOUT / "docs" / "operations.md").read_text()
    lines = text_of.split(f"\n{heading}", 1)[1].split("```\n", 2)[1]
    env = cluster.env | {"PATH": f"{cluster.binaries}:{os.environ['PATH']}", "ROLLCAST_LEDGER": url}
    subprocess.run(["sh", "-ec", lines], cwd=folder, env=env, check=True)


async def _note(url: str, event: str) -> None:
    database = Database(url)
    async with database.begin() as ledger:
        await ledger.execute(text("INSERT INTO events (at, event) VALUES (1, :event)"), [{"event": event}])
    await database.close()


async def _found(url: str) -> tuple[str | None, list[str]]:
    """The revision, and the events."""
    database = Database(url)
    revision, _ = await revisions(database)
    async with database.begin() as ledger:
        events = [str(row.event) for row in await ledger.all(text("SELECT event FROM events"))]
    await database.close()
    return revision, events
