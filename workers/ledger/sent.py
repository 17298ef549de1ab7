"""What the sender's server knows of a transfer: `sent_*`."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, func, select, update

from rollcast.messages import TransferRequested
from rollcast.messages.values import MAX_RECEIVERS, MAX_TEXT, Offer, ReceiverStatus
from rollcast.reasons import Code
from rollcast.states import FINAL_TRANSFER, OPEN_RECEIVER, UNANSWERED, Receiver, Transfer
from workers.ledger.database import Ledger
from workers.ledger.tables import sent_parts, sent_receivers, sent_transfers

MILLISECOND, SECOND = 1_000, 1_000_000
"""µs."""
FIRST_PROMPT = 5 * SECOND
LAST_PROMPT = 600 * SECOND
CONFIRMED_WITHIN = 60 * SECOND
"""µs that receivers which are cut off have to confirm that nothing is left of the file."""


def request_of(transfer: Row[Any]) -> TransferRequested:
    """The request as it was written down, without its recipients."""
    return msgspec.msgpack.decode(transfer.request, type=TransferRequested)


def offer_of(transfer: Row[Any]) -> Offer:
    """What the receivers of a transfer are asked."""
    request = request_of(transfer)
    return Offer(
        transfer_id=transfer.transfer_id,
        sender=transfer.sender,
        file=request.file,
        chunk_size=request.chunk_size,
        created_at=transfer.created_at,
        consent_deadline=transfer.consent_deadline,
        expires_at=transfer.expires_at,
        retry_of=transfer.retry_of,
    )


def deadlines(transfer: Row[Any]) -> list[int]:
    """The instants at which something becomes of a transfer, whatever else moves it."""
    instants = [transfer.expires_at]
    if transfer.state == Transfer.ASKING:
        instants.append(transfer.consent_deadline)
    if transfer.ending_at is not None:
        instants.append(transfer.ending_at + CONFIRMED_WITHIN)
    return instants


def next_prompt(transfer: Row[Any], now: int, wait: int) -> int:
    """When the clock prompts next: after `wait`, or at a deadline before that."""
    return int(min([now + wait, *(deadline for deadline in deadlines(transfer) if deadline > now)]))


def prompt_in(transfer: Row[Any], now: int, wait: int = FIRST_PROMPT) -> dict[str, int]:
    """The columns that tell the clock when to prompt next, after something has moved.

    What still moves when a deadline has come does not put off what follows from that.
    """
    due = next_prompt(transfer, now, wait)
    is_over = transfer.ending_at is not None or min(deadlines(transfer)) <= now
    if is_over and transfer.due_at is not None:
        due = min(due, transfer.due_at)
    return {"due_at": due, "due_wait": wait}


async def lock(ledger: Ledger, transfer_ids: Iterable[str]) -> dict[str, Row[Any]]:
    """The transfers, locked in one order until the transaction ends: who counts answers or receipts must."""
    wanted = sorted(set(transfer_ids))
    query = (
        select(sent_transfers)
        .where(sent_transfers.c.transfer_id.in_(wanted))
        .order_by(sent_transfers.c.transfer_id)
        .with_for_update()
    )
    return {row.transfer_id: row for row in await ledger.all(query)}


async def is_cleaned_up(ledger: Ledger, transfer_id: str) -> bool:
    """Whether a transfer has ended, and nothing is due for it any more."""
    query = select(sent_transfers.c.state, sent_transfers.c.due_at).where(
        sent_transfers.c.transfer_id == transfer_id
    )
    row = await ledger.first(query)
    return row is not None and row.state in FINAL_TRANSFER and row.due_at is None


async def parts(ledger: Ledger, transfer_id: str) -> int:
    """How many parts of the request have come."""
    return await ledger.count(
        select(func.count()).select_from(sent_parts).where(sent_parts.c.transfer_id == transfer_id)
    )


async def refuse(ledger: Ledger, transfer_id: str, code: Code, detail: str) -> None:
    """End a transfer before it has begun."""
    told = detail[:MAX_TEXT]
    values = {"state": Transfer.REFUSED, "reason": code, "detail": told, "finished_at": ledger.now}
    await change(ledger, transfer_id, **values, due_at=None)
    await ledger.note(transfer_id, [(None, Transfer.REFUSED, code)])


async def change(ledger: Ledger, transfer_id: str, **values: object) -> None:
    """Set columns of a transfer."""
    await ledger.execute(
        update(sent_transfers).where(sent_transfers.c.transfer_id == transfer_id).values(**values)
    )


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


async def tally(ledger: Ledger, transfer_id: str) -> dict[Receiver, int]:
    """How many receivers are in each state."""
    query = (
        select(sent_receivers.c.state, func.count().label("number"))
        .where(sent_receivers.c.transfer_id == transfer_id)
        .group_by(sent_receivers.c.state)
    )
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
    """A row of `sent_receivers` or `invited_receivers` as a message carries it."""
    values = {name: getattr(row, name) for name in _FIELDS}
    return msgspec.convert({"address": row.address, **values}, ReceiverStatus)


def by_domain(rows: Iterable[Row[Any]]) -> list[tuple[str, list[str]]]:
    """The addresses of each domain, at most as many together as a message may name."""
    grouped: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        grouped[row.domain].append(row.address)
    return [(domain, part) for domain, addresses in grouped.items() for part in batches(addresses)]


def batches(items: Iterable[Any], size: int = MAX_RECEIVERS) -> Iterable[list[Any]]:
    """The items in lists of at most `size`; no list if there are none."""
    source = iter(items)
    while part := list(islice(source, size)):
        yield part


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
    await ledger.execute(
        update(sent_receivers)
        .where(
            sent_receivers.c.transfer_id == transfer_id,
            sent_receivers.c.address.in_(list(addresses)),
            sent_receivers.c.state == Receiver.ACCEPTED,
        )
        .values(state=Receiver.RECEIVING)
    )
