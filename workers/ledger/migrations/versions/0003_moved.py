"""When anything has last moved in a transfer."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column. Of transfers that are there it is not known."""
    op.add_column("sent_transfers", sa.Column("moved_at", sa.BigInteger()))
