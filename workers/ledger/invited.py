"""What the receivers' server knows of a transfer: `invited_*`."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, and_, bindparam, func, or_, select, update

from rollcast.messages import TransferEnded
from rollcast.messages.values import Offer
from rollcast.reasons import Code
from rollcast.states import CUT_OFF, FINAL_RECEIVER, UNANSWERED, Receiver, Transfer
from workers.ledger.database import Ledger
from workers.ledger.tables import invited_receivers, invited_transfers

GOODBYE_LASTS = 3600 * 1_000_000
"""µs for which a terminal that is away finds it in its inbox; when it registers it is told again."""


def offer_of(transfer: Row[Any]) -> Offer:
    """The offer that receivers were asked about."""
    return msgspec.msgpack.decode(transfer.offer, type=Offer)


async def transfers(ledger: Ledger, transfer_ids: Iterable[str]) -> dict[str, Row[Any]]:
    """The transfers that are known here, locked in one order; ended ones have `closed_at`.

    One that ended before anybody was invited is not known.
    """
    query = (
        select(invited_transfers)
        .where(invited_transfers.c.transfer_id.in_(sorted(set(transfer_ids))))
        .where(invited_transfers.c.offer.is_not(None))
        .order_by(invited_transfers.c.transfer_id)
        .with_for_update()
    )
    return {row.transfer_id: row for row in await ledger.all(query)}


async def write_down(ledger: Ledger, offer: Offer) -> None:
    """Remember an offer, unless it is known."""
    record = {
        "transfer_id": offer.transfer_id,
        "offer": msgspec.msgpack.encode(offer),
        "expires_at": offer.expires_at,
    }
    await ledger.execute(ledger.insert(invited_transfers).values(record).on_conflict_do_nothing())


async def close(ledger: Ledger, transfer_id: str) -> None:
    """Note that a transfer has ended; if it is not known, leave a tombstone that no offer replaces."""
    record = {"transfer_id": transfer_id, "expires_at": ledger.now, "closed_at": ledger.now}
    await ledger.execute(
        ledger.insert(invited_transfers)
        .values(record)
        .on_conflict_do_update(
            index_elements=[invited_transfers.c.transfer_id],
            set_={"closed_at": ledger.now},
            where=invited_transfers.c.closed_at.is_(None),
        )
    )


async def is_closed(ledger: Ledger, transfer_id: str) -> bool:
    """Whether a transfer has ended."""
    query = select(invited_transfers.c.closed_at).where(invited_transfers.c.transfer_id == transfer_id)
    row = await ledger.first(query)
    return row is not None and row.closed_at is not None


async def receivers(
    ledger: Ledger, transfer_id: str, addresses: Sequence[str] | None = None
) -> dict[str, Row[Any]]:
    """The receivers of a transfer that are known here; of `addresses` only, if given."""
    query = select(invited_receivers).where(invited_receivers.c.transfer_id == transfer_id)
    if addresses is not None:
        query = query.where(invited_receivers.c.address.in_(list(addresses)))
    return {row.address: row for row in await ledger.all(query)}


_KEYS = (
    invited_receivers.c.transfer_id == bindparam("of_transfer"),
    invited_receivers.c.address == bindparam("of_address"),
)
_VALUES = ("state", "step", "reason", "detail", "bytes", "stored_as", "delivered_at", "blake3")
_INSTANTS = ("accepted_at", "confirmed_at")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a receiver; each change makes the next revision. Instants that are noted stay."""

    transfer_id: str
    address: str
    state: Receiver
    step: str | None = None
    reason: Code | None = None
    detail: str | None = None
    bytes: int = 0
    stored_as: str | None = None
    delivered_at: int | None = None
    blake3: str | None = None
    accepted_at: int | None = None
    confirmed_at: int | None = None


async def change(ledger: Ledger, changes: Sequence[Change]) -> None:
    """Write changes down, one per receiver, with their events."""
    if not changes:
        return
    statement = (
        update(invited_receivers)
        .where(*_KEYS)
        .values(
            revision=invited_receivers.c.revision + 1,
            **{name: bindparam(f"new_{name}") for name in _VALUES},
            **{
                name: func.coalesce(invited_receivers.c[name], bindparam(f"new_{name}")) for name in _INSTANTS
            },
        )
    )
    await ledger.execute(statement, [_parameters(one) for one in changes])
    for transfer_id in {one.transfer_id for one in changes}:
        happened = [(one.address, one.state, one.reason) for one in changes if one.transfer_id == transfer_id]
        await ledger.note(transfer_id, happened)


def _parameters(one: Change) -> dict[str, Any]:
    values = {f"new_{name}": getattr(one, name) for name in (*_VALUES, *_INSTANTS)}
    return {"of_transfer": one.transfer_id, "of_address": one.address, **values}


def finished(row: Row[Any]) -> bool:
    """Whether a receiver has come to an end that may be told: one that was cut off has confirmed it first."""
    return row.state in FINAL_RECEIVER and not unconfirmed(row)


def unconfirmed(row: Row[Any]) -> bool:
    """Whether a receiver may still hold a part of a file that was cut off."""
    return row.state in CUT_OFF and row.accepted_at is not None and row.confirmed_at is None


def goodbye_of(row: Row[Any], ended_as: Transfer | None = None) -> TransferEnded:
    """What a receiver whose file will not come is told; how the transfer ended is not known here for long."""
    state = Transfer.EXPIRED if row.state == Receiver.EXPIRED else Transfer.CANCELLED
    return TransferEnded(transfer_id=row.transfer_id, state=ended_as or state, reason=Code(row.reason))


async def waiting_for(ledger: Ledger, address: str, limit: int) -> Sequence[Row[Any]]:
    """What still waits for a terminal: its row with the offer and how it ended, oldest first.

    That is an open question or lane, and a closing that it has not confirmed. Whether one that has accepted is on
    the list is not known here before its lane is opened.
    """
    states = [*UNANSWERED, Receiver.DEFERRED, Receiver.RECEIVING]
    is_open = and_(
        invited_receivers.c.state.in_(states),
        invited_transfers.c.closed_at.is_(None),
        invited_transfers.c.expires_at > ledger.now,
    )
    is_cut_off = and_(
        invited_receivers.c.state.in_(list(CUT_OFF)),
        invited_receivers.c.accepted_at.is_not(None),
        invited_receivers.c.confirmed_at.is_(None),
    )
    query = (
        select(invited_receivers, invited_transfers.c.offer)
        .join_from(invited_receivers, invited_transfers)
        .where(invited_receivers.c.address == address, or_(is_open, is_cut_off))
        .order_by(invited_transfers.c.expires_at)
        .limit(limit)
    )
    return await ledger.all(query)
