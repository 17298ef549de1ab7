"""The first tables."""

from alembic import op

from workers.ledger.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    metadata.create_all(op.get_bind())
