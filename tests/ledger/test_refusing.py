"""A database that takes no connection at present, as while it starts: all that wants it waits."""

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from rollcast.errors import Transient
from workers.ledger import Database


async def test_a_database_that_takes_no_connection(ledger_url: str) -> None:
    """It is as if it were not there, and no fault of a message."""
    database = Database(ledger_url)
    async with database.begin() as ledger:
        await ledger.execute(text("DROP ROLE IF EXISTS crowded"))
        await ledger.execute(text("CREATE ROLE crowded LOGIN PASSWORD 'x' CONNECTION LIMIT 0"))
    await database.close()
    url = make_url(ledger_url).set(username="crowded", password="x")
    crowded = Database(url.render_as_string(hide_password=False))
    with pytest.raises(Transient):
        async with crowded.begin():
            pass
    await crowded.close()
