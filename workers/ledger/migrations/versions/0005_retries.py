"""Which transfer a retry, and the retry of a retry, goes back to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ONE_FURTHER = """
    UPDATE sent_transfers SET first_id = (
        SELECT former.first_id FROM sent_transfers AS former WHERE former.transfer_id = sent_transfers.first_id
    )
    WHERE EXISTS (
        SELECT 1 FROM sent_transfers AS former
        WHERE former.transfer_id = sent_transfers.first_id AND former.first_id IS NOT NULL
    )
"""


def upgrade() -> None:
    """Add the column, and find it for the retries that are there, however many lie between."""
    op.add_column("sent_transfers", sa.Column("first_id", sa.Text()))
    op.execute("UPDATE sent_transfers SET first_id = retry_of")
    while op.get_bind().execute(sa.text(ONE_FURTHER)).rowcount:
        pass
    op.create_index("sent_transfers_first", "sent_transfers", ["first_id"])
