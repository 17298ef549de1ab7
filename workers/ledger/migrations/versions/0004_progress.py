"""How far receivers are, for whoever looks; and when broker and spool were last measured."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table and the column."""
    op.create_table(
        "sent_progress",
        sa.Column("transfer_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("rate", sa.BigInteger()),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("transfer_id", "address"),
    )
    op.add_column("spool_usage", sa.Column("measured_at", sa.BigInteger()))
