"""The tables of the ledger. Instants are µs since 1970 UTC, whatever the database would make of dates.

`sent_*` belongs to the sender's server, `invited_*` to the receivers': no step touches both.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    true,
)
from sqlalchemy.engine import Dialect

metadata = MetaData()


class Said(TypeDecorator[str]):
    """Text that terminals choose. PostgreSQL cannot store the character NUL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Store the replacement character for it."""
        return value.replace("\0", "\ufffd") if value else value


_EVENT_ID = BigInteger().with_variant(Integer, "sqlite")


def _transfer_key(table: str) -> Column[str]:
    return Column("transfer_id", Text, ForeignKey(f"{table}.transfer_id"), primary_key=True)


accounts = Table(
    "accounts",
    metadata,
    Column("address", Text, primary_key=True),
    Column("domain", Text, nullable=False),
    Column("limits", LargeBinary, nullable=False),
    Column("capabilities", LargeBinary),
    Column("suspended", Boolean, nullable=False, default=False),
    Column("added_by", Text),
    Column("registered_at", BigInteger),
    Column("derived_password", Boolean, nullable=False, server_default=true()),
    Index("accounts_domain", "domain", "address"),
)

sent_transfers = Table(
    "sent_transfers",
    metadata,
    Column("transfer_id", Text, primary_key=True),
    Column("sender", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("detail", Said),
    Column("created_at", BigInteger, nullable=False),
    Column("consent_deadline", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("asked_at", BigInteger),
    Column("resolved_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("list_version", Integer, nullable=False, default=0),
    Column("report_version", Integer, nullable=False, default=0),
    Column("reserved", BigInteger, nullable=False, default=0),
    Column("chunks", Integer, nullable=False),
    Column("granted", Integer, nullable=False, default=0),
    Column("spooled", Integer, nullable=False, default=0),
    Column("cast", Integer, nullable=False, default=0),
    Column("measured_at", BigInteger),
    Column("uploaded_at", BigInteger),
    Column("cast_ended_at", BigInteger),
    Column("deep_since", BigInteger),
    Column("recast_at", BigInteger),
    Column("recast_first", Integer),
    Column("recast_stop", Integer),
    Column("ending_at", BigInteger),
    Column("retry_of", Text),
    Column("first_id", Text),
    Column("due_at", BigInteger),
    Column("due_wait", BigInteger, nullable=False, default=0),
    Column("moved_at", BigInteger),
    Index("sent_transfers_due", "due_at"),
    Index("sent_transfers_sender", "sender", "created_at"),
    Index("sent_transfers_created", "created_at"),
    Index("sent_transfers_first", "first_id"),
)

sent_parts = Table(
    "sent_parts",
    metadata,
    _transfer_key("sent_transfers"),
    Column("part", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
)

sent_receivers = Table(
    "sent_receivers",
    metadata,
    _transfer_key("sent_transfers"),
    Column("address", Text, primary_key=True),
    Column("domain", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("revision", Integer, nullable=False, default=0),
    Column("step", Text),
    Column("reason", Text),
    Column("detail", Said),
    Column("bytes", BigInteger, nullable=False, default=0),
    Column("stored_as", Said),
    Column("delivered_at", BigInteger),
    Column("blake3", Text),
    Column("listed_in", Integer),
    Index("sent_receivers_state", "transfer_id", "state"),
    Index("sent_receivers_position", "transfer_id", "position"),
)

sent_domains = Table(
    "sent_domains",
    metadata,
    _transfer_key("sent_transfers"),
    Column("domain", Text, primary_key=True),
    Column("confirmed_at", BigInteger),
)

sent_chunks = Table(
    "sent_chunks",
    metadata,
    _transfer_key("sent_transfers"),
    Column("position", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
)

sent_progress = Table(
    "sent_progress",
    metadata,
    # No foreign keys: a database would lock for them what steps have locked, and in another order.
    Column("transfer_id", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("rate", BigInteger),
    Column("moved_at", BigInteger, nullable=False),
)

spool_usage = Table(
    "spool_usage",
    metadata,
    Column("server", Text, primary_key=True),
    Column("reserved", BigInteger, nullable=False),
    Column("free", BigInteger),
    Column("full", Text),
    Column("measured_at", BigInteger),
)

identity = Table(
    "identity",
    metadata,
    # There is one row.
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("ledger_id", Text, nullable=False),
    Column("server", Text),
    Column("domains", Text),
    Column("spool_id", Text),
)

invited_transfers = Table(
    "invited_transfers",
    metadata,
    Column("transfer_id", Text, primary_key=True),
    Column("offer", LargeBinary),
    Column("expires_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Index("invited_transfers_closed", "closed_at"),
)

invited_receivers = Table(
    "invited_receivers",
    metadata,
    _transfer_key("invited_transfers"),
    Column("address", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("step", Text),
    Column("reason", Text),
    Column("detail", Said),
    Column("bytes", BigInteger, nullable=False, default=0),
    Column("stored_as", Said),
    Column("delivered_at", BigInteger),
    Column("blake3", Text),
    Column("accepted_at", BigInteger),
    Column("confirmed_at", BigInteger),
    Index("invited_receivers_address", "address", "state"),
)

events = Table(
    "events",
    metadata,
    Column("event_id", _EVENT_ID, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("transfer_id", Text),
    Column("address", Text),
    Column("event", Text, nullable=False),
    Column("detail", Said),
    Index("events_transfer", "transfer_id", "event_id"),
    Index("events_at", "at"),
)
