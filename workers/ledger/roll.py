"""What the sender's server knows of the receivers of a transfer: `sent_receivers`."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, func, select, update

from rollcast.messages.values import ReceiverStatus
from rollcast.states import OPEN_RECEIVER, UNANSWERED, Receiver
from workers.ledger.database import Ledger
from workers.ledger.sent import moved
from workers.ledger.tables import sent_receivers


async def receivers(
    ledger: Ledger, transfer_id: str, states: Iterable[Receiver], limit: int | None = None
) -> Sequence[Row[Any]]:
    """The receivers in these states, in the order of the request; the first `limit`, if given."""
    query = (
        select(sent_receivers)
        .where(sent_receivers.c.transfer_id == transfer_id, sent_receivers.c.state.in_(list(states)))
        .order_by(sent_receivers.c.position)
        .limit(limit)
    )
    return await ledger.all(query)


async def sample(ledger: Ledger, transfer_id: str, state: Receiver, most: int) -> list[str]:
    """The addresses of some receivers in a state, others each time if there are more."""
    query = (
        select(sent_receivers.c.address)
        .where(sent_receivers.c.transfer_id == transfer_id, sent_receivers.c.state == state)
        .order_by(func.random())
        .limit(most)
    )
    return [row.address for row in await ledger.all(query)]


async def tally(ledger: Ledger, transfer_id: str, domain: str | None = None) -> dict[Receiver, int]:
    """How many receivers, or how many of a domain, are in each state."""
    query = (
        select(sent_receivers.c.state, func.count().label("number"))
        .where(sent_receivers.c.transfer_id == transfer_id)
        .group_by(sent_receivers.c.state)
    )
    if domain is not None:
        query = query.where(sent_receivers.c.domain == domain)
    return {Receiver(row.state): row.number for row in await ledger.all(query)}


async def move(
    ledger: Ledger,
    transfer_id: str,
    states: Iterable[Receiver],
    to: Receiver,
    addresses: Sequence[str] | None = None,
    **values: object,
) -> int:
    """Move all receivers in `states` to another one; of `addresses` only, if given. Returns how many moved."""
    statement = update(sent_receivers).where(
        sent_receivers.c.transfer_id == transfer_id, sent_receivers.c.state.in_(list(states))
    )
    if addresses is not None:
        statement = statement.where(sent_receivers.c.address.in_(addresses))
    return (await ledger.execute(statement.values(state=to, **values))).rowcount


async def record(
    ledger: Ledger, transfer_id: str, statuses: Iterable[ReceiverStatus]
) -> list[ReceiverStatus]:
    """Write down what receivers' servers say. Returns what was news.

    An older revision is none. An end stands, but `delivered` outranks every other end, and who had not answered
    may still do so.
    """
    newest: dict[str, ReceiverStatus] = {}
    for status in statuses:
        if status.address not in newest or newest[status.address].revision < status.revision:
            newest[status.address] = status
    known = await _states(ledger, transfer_id, newest)
    news = [status for address, status in newest.items() if _is_news(status, known.get(address))]
    if news:
        await ledger.execute(_RECORD, [_row(transfer_id, status) for status in news])
        await ledger.note(transfer_id, [(s.address, s.state, s.reason) for s in news])
        await moved(ledger, transfer_id)
    return news


async def _states(ledger: Ledger, transfer_id: str, addresses: Iterable[str]) -> dict[str, Row[Any]]:
    columns = (
        sent_receivers.c.address,
        sent_receivers.c.state,
        sent_receivers.c.revision,
        sent_receivers.c.listed_in,
    )
    query = select(*columns).where(
        sent_receivers.c.transfer_id == transfer_id, sent_receivers.c.address.in_(list(addresses))
    )
    return {row.address: row for row in await ledger.all(query)}


def _is_news(status: ReceiverStatus, known: Row[Any] | None) -> bool:
    if known is None or known.state == Receiver.DELIVERED:
        return False
    if status.state == Receiver.DELIVERED:
        return known.listed_in is not None
    if status.revision <= known.revision:
        return False
    late = known.state == Receiver.NO_ANSWER and status.state not in UNANSWERED
    return late or known.state in OPEN_RECEIVER


SHORT = 512
"""The bytes of a text in a status; 500 statuses must fit into a message of 1 MiB."""
_TEXTS = ("detail", "stored_as")
_FIELDS = ("state", "revision", "step", "reason", "detail", "bytes", "stored_as", "delivered_at", "blake3")
_RECORD = (
    update(sent_receivers)
    .where(
        sent_receivers.c.transfer_id == bindparam("of_transfer"),
        sent_receivers.c.address == bindparam("of_address"),
    )
    .values({name: bindparam(f"new_{name}") for name in _FIELDS})
)


def _row(transfer_id: str, status: ReceiverStatus) -> dict[str, Any]:
    values = {f"new_{name}": getattr(status, name) for name in _FIELDS}
    return {"of_transfer": transfer_id, "of_address": status.address, **values}


def status_of(row: Row[Any]) -> ReceiverStatus:
    """A row of `sent_receivers` or `invited_receivers` as a message carries it, which may have to carry many."""
    values = {name: getattr(row, name) for name in _FIELDS}
    texts = {name: _short(values[name]) for name in _TEXTS}
    return msgspec.convert({"address": row.address, **values, **texts}, ReceiverStatus)


def _short(text: str | None) -> str | None:
    return text and text.encode()[:SHORT].decode(errors="ignore")


async def enlist(ledger: Ledger, transfer_id: str, version: int) -> Sequence[Row[Any]]:
    """Put everyone who has accepted, and is on no list yet, on this version of it. Returns them."""
    await ledger.execute(
        update(sent_receivers)
        .where(
            sent_receivers.c.transfer_id == transfer_id,
            sent_receivers.c.state == Receiver.ACCEPTED,
            sent_receivers.c.listed_in.is_(None),
        )
        .values(listed_in=version)
    )
    query = (
        select(sent_receivers)
        .where(sent_receivers.c.transfer_id == transfer_id, sent_receivers.c.listed_in == version)
        .order_by(sent_receivers.c.position)
    )
    return await ledger.all(query)


async def lanes_opened(ledger: Ledger, transfer_id: str, addresses: Iterable[str]) -> None:
    """The lanes of these receivers are bound to the cast."""
    opened = await ledger.execute(
        update(sent_receivers)
        .where(
            sent_receivers.c.transfer_id == transfer_id,
            sent_receivers.c.address.in_(list(addresses)),
            sent_receivers.c.state == Receiver.ACCEPTED,
        )
        .values(state=Receiver.RECEIVING)
    )
    if opened.rowcount:
        await moved(ledger, transfer_id)
