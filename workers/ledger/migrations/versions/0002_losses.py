"""What late answers, closings, re-casts and admission need to remember."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SENT_TRANSFERS = (
    ("deep_since", sa.BigInteger()),
    ("recast_at", sa.BigInteger()),
    ("recast_first", sa.Integer()),
    ("recast_stop", sa.Integer()),
    ("ending_at", sa.BigInteger()),
    ("retry_of", sa.Text()),
)


def upgrade() -> None:
    """Add the columns. Of those who had accepted by then the instant is not known."""
    for name, kind in SENT_TRANSFERS:
        op.add_column("sent_transfers", sa.Column(name, kind))
    op.add_column("spool_usage", sa.Column("free", sa.BigInteger()))
    op.add_column("spool_usage", sa.Column("full", sa.Text()))
    op.add_column("sent_receivers", sa.Column("blake3", sa.Text()))
    op.add_column("invited_receivers", sa.Column("blake3", sa.Text()))
    op.add_column("invited_receivers", sa.Column("accepted_at", sa.BigInteger()))
    op.add_column("invited_receivers", sa.Column("confirmed_at", sa.BigInteger()))
    op.execute(
        "UPDATE invited_receivers SET accepted_at = 0 "
        "WHERE state IN ('accepted', 'receiving', 'delivered', 'failed')"
    )
    op.create_index("invited_transfers_closed", "invited_transfers", ["closed_at"], unique=False)
    op.create_index("events_at", "events", ["at"], unique=False)
