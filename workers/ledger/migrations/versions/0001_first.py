"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "accounts",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("limits", sa.LargeBinary(), nullable=False),
        sa.Column("capabilities", sa.LargeBinary()),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("added_by", sa.Text()),
        sa.Column("registered_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("address"),
    )
    op.create_index("accounts_domain", "accounts", ["domain", "address"], unique=False)
    op.create_table(
        "events",
        sa.Column(
            "event_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("transfer_id", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("events_transfer", "events", ["transfer_id", "event_id"], unique=False)
    op.create_table(
        "invited_transfers",
        sa.Column("transfer_id", sa.Text(), nullable=False),
        sa.Column("offer", sa.LargeBinary()),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("transfer_id"),
    )
    op.create_table(
        "sent_transfers",
        sa.Column("transfer_id", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("consent_deadline", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.BigInteger()),
        sa.Column("resolved_at", sa.BigInteger()),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("list_version", sa.Integer(), nullable=False),
        sa.Column("report_version", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("granted", sa.Integer(), nullable=False),
        sa.Column("spooled", sa.Integer(), nullable=False),
        sa.Column("cast", sa.Integer(), nullable=False),
        sa.Column("measured_at", sa.BigInteger()),
        sa.Column("uploaded_at", sa.BigInteger()),
        sa.Column("cast_ended_at", sa.BigInteger()),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("due_wait", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("transfer_id"),
    )
    op.create_index("sent_transfers_created", "sent_transfers", ["created_at"], unique=False)
    op.create_index("sent_transfers_due", "sent_transfers", ["due_at"], unique=False)
    op.create_index("sent_transfers_sender", "sent_transfers", ["sender", "created_at"], unique=False)
    op.create_table(
        "spool_usage",
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("server"),
    )
    op.create_table(
        "invited_receivers",
        sa.Column("transfer_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("stored_as", sa.Text()),
        sa.Column("delivered_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["transfer_id"],
            ["invited_transfers.transfer_id"],
        ),
        sa.PrimaryKeyConstraint("transfer_id", "address"),
    )
    op.create_index("invited_receivers_address", "invited_receivers", ["address", "state"], unique=False)
    op.create_table(
        "sent_chunks",
        sa.Column("transfer_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer_id"],
            ["sent_transfers.transfer_id"],
        ),
        sa.PrimaryKeyConstraint("transfer_id", "position"),
    )
    op.create_table(
        "sent_domains",
        sa.Column("transfer_id", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["transfer_id"],
            ["sent_transfers.transfer_id"],
        ),
        sa.PrimaryKeyConstraint("transfer_id", "domain"),
    )
    op.create_table(
        "sent_parts",
        sa.Column("transfer_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer_id"],
            ["sent_transfers.transfer_id"],
        ),
        sa.PrimaryKeyConstraint("transfer_id", "part"),
    )
    op.create_table(
        "sent_receivers",
        sa.Column("transfer_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("stored_as", sa.Text()),
        sa.Column("delivered_at", sa.BigInteger()),
        sa.Column("listed_in", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["transfer_id"],
            ["sent_transfers.transfer_id"],
        ),
        sa.PrimaryKeyConstraint("transfer_id", "address"),
    )
    op.create_index("sent_receivers_position", "sent_receivers", ["transfer_id", "position"], unique=False)
    op.create_index("sent_receivers_state", "sent_receivers", ["transfer_id", "state"], unique=False)
