"""What the sender's server knows of a transfer: `sent_*`."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Row, delete, func, select, update

from rollcast.messages import TransferRequested
from rollcast.messages.values import MAX_TEXT, Offer
from rollcast.reasons import Code
from rollcast.states import FINAL_TRANSFER, Transfer
from workers.ledger.database import Ledger
from workers.ledger.tables import sent_domains, sent_parts, sent_receivers, sent_transfers

MILLISECOND, SECOND = 1_000, 1_000_000
"""µs."""
FIRST_PROMPT = 5 * SECOND
LAST_PROMPT = 600 * SECOND
CONFIRMED_WITHIN = 60 * SECOND
"""µs that receivers which are cut off have to confirm that nothing is left of the file."""
RECEIPTS_WITHIN = 3_600 * SECOND
"""µs after the expiry for which a closing waits for receipts that the other server says it has."""


def request_of(transfer: Row[Any]) -> TransferRequested:
    """The request as it was written down, without its recipients."""
    return msgspec.msgpack.decode(transfer.request, type=TransferRequested)


def is_open(transfer: Row[Any]) -> bool:
    """Whether the list was made, and is not good enough unless some accept who have put their decision off."""
    made = transfer.state == Transfer.ASKING and transfer.list_version > 0 and transfer.reason is None
    return made and not request_of(transfer).dry_run


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


def prompt_again(transfer: Row[Any], now: int, wait: int = FIRST_PROMPT) -> dict[str, int]:
    """The columns that tell the clock when to prompt next, after something was begun from which news will come.

    What still moves when a deadline has come does not put off what follows from that.
    """
    due = next_prompt(transfer, now, wait)
    is_over = transfer.ending_at is not None or min(deadlines(transfer)) <= now
    if is_over and transfer.due_at is not None:
        due = min(due, transfer.due_at)
    return {"due_at": due, "due_wait": wait}


def prompt_in(transfer: Row[Any], now: int, wait: int = FIRST_PROMPT) -> dict[str, int]:
    """The same after something has moved, which is noted as well."""
    return {**prompt_again(transfer, now, wait), "moved_at": now}


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


async def unconfirmed_domains(ledger: Ledger, transfer_id: str) -> list[str]:
    """The domains whose servers have not said that they have closed their halves of a transfer."""
    query = select(sent_domains.c.domain).where(
        sent_domains.c.transfer_id == transfer_id, sent_domains.c.confirmed_at.is_(None)
    )
    return [row.domain for row in await ledger.all(query)]


async def is_closed(ledger: Ledger, transfer_id: str) -> bool:
    """Whether a transfer has ended, and all servers have closed their halves: what is left of it is deleted."""
    query = select(sent_transfers.c.state).where(sent_transfers.c.transfer_id == transfer_id)
    row = await ledger.first(query)
    ended = row is not None and row.state in FINAL_TRANSFER
    return ended and not await unconfirmed_domains(ledger, transfer_id)


async def note_cleaned_up(ledger: Ledger, transfer_id: str) -> None:
    """Nothing is left of a transfer that has ended; until this was noted, the clock asks for it."""
    await ledger.execute(
        update(sent_transfers)
        .where(sent_transfers.c.transfer_id == transfer_id, sent_transfers.c.state.in_(FINAL_TRANSFER))
        .values(due_at=None)
    )


async def clean_up_again(ledger: Ledger, transfer_id: str) -> None:
    """Something may be left after all: let the clock see to it."""
    await change(ledger, transfer_id, due_at=ledger.now, due_wait=FIRST_PROMPT)


async def parts(ledger: Ledger, transfer_id: str) -> int:
    """How many parts of the request have come."""
    return await ledger.count(
        select(func.count()).select_from(sent_parts).where(sent_parts.c.transfer_id == transfer_id)
    )


async def forget(ledger: Ledger, transfer_id: str) -> None:
    """Delete what came of a request that never became whole, as if it had never been made."""
    for table in (sent_parts, sent_receivers, sent_transfers):
        await ledger.execute(delete(table).where(table.c.transfer_id == transfer_id))
    await ledger.note(transfer_id, [(None, "forgotten", None)])


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


async def moved(ledger: Ledger, transfer_id: str) -> None:
    """Note that a transfer does not stand still, whatever the clock makes of it."""
    await change(ledger, transfer_id, moved_at=ledger.now)
