"""Accounts whose passwords could be derived from what their server kept; it keeps that no longer."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """All that there are by now are counted among them, and so are those that an earlier worker still adds."""
    derived: sa.Column[bool] = sa.Column(
        "derived_password", sa.Boolean(), nullable=False, server_default=sa.true()
    )
    op.add_column("accounts", derived)
    op.execute("UPDATE accounts SET added_by = NULL")
