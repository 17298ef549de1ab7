"""Which ledger this is, and to which server, domains and spool it belongs."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Give the ledger an id of its own. The rest is recorded by the first worker that starts with it."""
    identity = op.create_table(
        "identity",
        sa.Column("one", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("ledger_id", sa.Text(), nullable=False),
        sa.Column("server", sa.Text()),
        sa.Column("domains", sa.Text()),
        sa.Column("spool_id", sa.Text()),
    )
    op.bulk_insert(identity, [{"one": 1, "ledger_id": secrets.token_hex(16)}])
